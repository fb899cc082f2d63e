"""`ripieno systemd show`: the unit that ships with the wheel, as it would be installed."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from ripieno_daemon.installing import own_program, unit_files

from ..command import CALLED_WRONGLY, OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="ripieno.service", help="which file (default: ripieno.service)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    files = {one.name: one for one in unit_files(own_program())}
    if arguments.name not in files:
        print(f"ripieno systemd show: no file {arguments.name!r}; there are {', '.join(files)}", file=sys.stderr)
        return CALLED_WRONGLY
    one = files[arguments.name]
    give(arguments, asdict(one), one.text.rstrip("\n"))
    return OK


COMMAND = Command(
    "systemd show",
    "operate",
    "print the unit (or its sysusers, tmpfiles or udev file) as it would be installed",
    "ripieno systemd show ripieno.service",
    _arguments,
    _run,
)
