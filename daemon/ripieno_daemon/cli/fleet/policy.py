"""`ripieno fleet policy`: sign policy.toml after a change."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..command import OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="the fleet's folder")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.ports import SystemClock
    from ripieno_daemon.trust.founding import FleetFolder

    folder = FleetFolder(Path(arguments.folder), SystemClock())
    serial = folder.sign_policy()
    text = (
        f"policy {serial} of fleet {folder.fleet} is signed\n"
        f"to a device: ripieno fleet cmd {arguments.folder} DEVICE policy signed=@{arguments.folder}/policy.signed"
    )
    give(arguments, {"fleet": folder.fleet, "serial": serial}, text)
    return OK


COMMAND = Command(
    "fleet policy",
    "operate",
    "sign policy.toml: which key may ask what of which device",
    "ripieno fleet policy plant",
    _arguments,
    _run,
)
