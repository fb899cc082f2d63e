"""What is attached, and what the device file names: ports, cameras and folders. Nothing is opened but a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ripieno.plan import DevicePlan, Plan
from ripieno_daemon.scanning import CAMERA, SERIAL, found, holders
from ripieno_drivers.link.names import is_pattern

from .finding import Finding, bad, good, warn

NODE_KEYS, FOLDER_KEYS = ("port", "device"), ("path",)


def attached(plan: Plan | None, dev: Path, proc: Path) -> Iterator[Finding]:
    """Look at every device of the plan; without one, at what is attached."""
    if plan is None:
        there = found(dev)
        counts = {kind: sum(one.kind == kind for one in there) for kind in (SERIAL, CAMERA)}
        yield good(
            "attached", f"{counts[SERIAL]} serial ports and {counts[CAMERA]} cameras (`ripieno scan` names them)"
        )
        return
    simulated = {str(one.places.get("path")) for one in plan.devices if one.driver == "simulated-line"}
    for device in plan.devices:
        for key, place in device.places.items():
            if not isinstance(place, str) or any(place.startswith(f"{line}/") for line in simulated):
                continue
            if key in NODE_KEYS:
                yield _node(device, place, proc)
            elif key in FOLDER_KEYS and device.driver == "folder-camera":
                yield _folder(device, Path(place))


def _node(device: DevicePlan, name: str, proc: Path) -> Finding:
    about = f"device {device.name}"
    if is_pattern(name):
        matches = sorted(Path(name).parent.glob(Path(name).name))
        if not matches:
            return bad(about, f"no port has a name like {name}", "plug it in; `ripieno scan` lists what is there")
        return good(about, f"{len(matches)} ports have a name like {name}")
    path = Path(name)
    if "://" in name:
        return good(about, f"{name} is asked when the daemon runs")
    if not path.exists():
        return bad(about, f"{name} does not exist", "plug it in; `ripieno scan` lists what is there")
    if not os.access(path, os.R_OK | os.W_OK):
        return bad(
            about, f"{name} may not be opened", "add the daemon's user to the group that owns it (often dialout)"
        )
    if taken := holders(proc, str(path.resolve())):
        ours = all(one.startswith("ripieno") for one in taken)
        text = f"{name} is in use by {', '.join(taken)}"
        return good(about, text) if ours else bad(about, text, "stop that program (ModemManager is a common one)")
    if str(path).startswith(("/dev/ttyUSB", "/dev/ttyACM", "/dev/video")):
        return warn(about, f"{name} may be another one after a replug", "use its name under by-id (`ripieno scan`)")
    return good(about, f"{name} can be opened")


def _folder(device: DevicePlan, folder: Path) -> Finding:
    about = f"device {device.name}"
    if not folder.is_dir():
        return bad(about, f"{folder} is no folder", f"mkdir -p {folder}, owned by ripieno")
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return bad(about, f"{folder} may not be read and cleared", f"chown ripieno {folder}")
    return good(about, f"{folder} can be read and cleared")
