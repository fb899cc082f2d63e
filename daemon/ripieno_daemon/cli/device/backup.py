"""`ripieno backup`: what makes this device the one that it is, in one file."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from pathlib import Path

from ..command import CALLED_WRONGLY, OK, Command
from ..output import Progress, add_json, give

DEVICE = Path("/etc/ripieno/device.yaml")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="where the backup goes; one of that name is replaced")
    parser.add_argument("--check", action="store_true", help="write nothing: is FILE whole, and what is in it?")
    parser.add_argument(
        "--device", metavar="FILE", type=Path, help=f"the device file (default: {DEVICE}, if it is there)"
    )
    parser.add_argument(
        "--state", metavar="DIR", type=Path, help="the state directory (default: as the device file says)"
    )
    parser.add_argument(
        "--with-keys", action="store_true", help="also private keys: whoever has the file can then be this device"
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno.errors import ConfigError
    from ripieno_daemon.backup import check, contents_of, write
    from ripieno_daemon.compiling import compile_in_child
    from ripieno_daemon.ports import SystemClock

    progress = Progress()
    if arguments.check:
        found = check(arguments.file, progress.show)
        progress.clear()
        return _give(arguments, found, f"{arguments.file}: whole")
    device = arguments.device or (DEVICE if DEVICE.exists() else None)
    plan, problems = None, []
    if device is not None:
        try:
            plan = asyncio.run(compile_in_child(str(device)))
        except ConfigError as error:
            problems = [f"{device} has problems, so its bundles are not found: {error.problems[0]}"]
    state = arguments.state or (Path(plan.storage.state) if plan is not None else None)
    if state is None or not state.is_dir():
        why = f"{state}: no state directory" if state else "no state directory is named"
        text = f"{why}; give --device FILE, or --state DIR"
        give(arguments, {"ok": False, "error": text}, text)
        return CALLED_WRONGLY
    contents = contents_of(state, device, plan, arguments.with_keys)
    contents.left_out += [("device/bundles", text) for text in problems]
    now_s = SystemClock().wall_ns() // 1_000_000_000
    manifest = write(arguments.file, contents, now_s, progress.show)
    progress.clear()
    return _give(arguments, manifest, f"{arguments.file}: written, and durable")


def _give(arguments: argparse.Namespace, manifest, head: str) -> int:  # type: ignore[no-untyped-def]
    size = sum(entry.bytes for entry in manifest.entries)
    made = datetime.fromtimestamp(manifest.made, UTC).strftime("%F %T")
    lines = [head, f"  of {manifest.device or 'a device without a name'}, {made} UTC, by release {manifest.release}"]
    lines += [f"  {len(manifest.entries)} files, {size / 1e6:.1f} MB"]
    if manifest.keys:
        lines += ["  KEYS ARE IN IT: whoever has this file can be this device; keep it as you keep those"]
    lines += [f"  left out: {path}: {why}" for path, why in manifest.left_out]
    result = {
        "ok": True,
        "file": str(arguments.file),
        "device": manifest.device,
        "made": manifest.made,
        "release": manifest.release,
        "format": manifest.format,
        "files": len(manifest.entries),
        "bytes": size,
        "keys": manifest.keys,
        "left_out": [list(one) for one in manifest.left_out],
    }
    give(arguments, result, "\n".join(lines))
    return OK


COMMAND = Command(
    "backup",
    "operate",
    "state, device file and bundles in one file, also of a running daemon; --check looks at one",
    "ripieno backup /media/usb/line-1.backup   (keys stay out; --with-keys takes them)",
    _arguments,
    _run,
)
