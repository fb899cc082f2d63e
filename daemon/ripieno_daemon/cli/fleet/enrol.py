"""`ripieno fleet enrol`: what a device needs to be of a fleet, in one folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..command import CALLED_WRONGLY, OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="the fleet's folder")
    parser.add_argument("--device", metavar="ID", required=True, help="the device's id, as its device file says it")
    parser.add_argument("--days", type=int, default=397, help="how long the certificate holds (default 397)")
    parser.add_argument(
        "--request", metavar="FILE", help="a certificate request made on the device: its key then never leaves it"
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.ports import SystemClock
    from ripieno_daemon.trust.founding import FleetFolder

    if not 0 < arguments.days <= 3650:
        give(arguments, {"error": "--days"}, "--days should be 1 to 3650")
        return CALLED_WRONGLY
    request = None
    if arguments.request is not None:
        path = Path(arguments.request)
        if not path.is_file():
            give(arguments, {"error": "no such file"}, f"{path}: no such file")
            return CALLED_WRONGLY
        request = path.read_bytes()
    fleet = FleetFolder(Path(arguments.folder), SystemClock())
    folder = fleet.enrol(arguments.device, arguments.days, request)
    there = "/etc/ripieno/fleet"
    key = "device.key" if request is None else "the key of the request"
    section = fleet.broker_section(there)
    result = {
        "device": arguments.device,
        "folder": str(folder),
        "until_s": fleet.devices[arguments.device]["until_s"],
        "broker": section,
    }
    text = "\n".join(
        [
            f"{arguments.device} is of fleet {fleet.fleet}; its certificate holds {arguments.days} days",
            f"1. move what is in {folder} to {there} on the device ({key} with it; 0600, the daemon's user)",
            f"2. in its device file:  device: {{id: {arguments.device}}}",
            f"                        {section}",
        ]
    )
    give(arguments, result, text)
    return OK


COMMAND = Command(
    "fleet enrol",
    "operate",
    "make the certificate and the files with which a device joins a fleet, or renew them",
    "ripieno fleet enrol plant --device line-3",
    _arguments,
    _run,
)
