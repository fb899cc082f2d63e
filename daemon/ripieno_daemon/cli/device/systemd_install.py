"""`ripieno systemd install`: puts the unit and its companions where systemd looks for them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from ripieno_daemon.installing import own_program, place, unit_files

from ..command import OK, Command
from ..output import add_json, give

NEXT = """\
next:
  systemd-sysusers && systemd-tmpfiles --create && udevadm control --reload
  systemctl daemon-reload
  ripieno init --dir /etc/ripieno        (if there is no device file yet)
  systemctl enable --now ripieno"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, default=Path("/"), help="write below DIR, for an image (default /)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    program = own_program()
    done = place(unit_files(program), arguments.root)
    lines = [f"{one.did:<10} {one.path}" for one in done]
    give(arguments, {"program": program, "files": [asdict(one) for one in done]}, "\n".join([*lines, "", NEXT]))
    return OK


COMMAND = Command(
    "systemd install",
    "operate",
    "install the service's unit, user, folders and device rules; starts nothing",
    "sudo /opt/ripieno/bin/ripieno systemd install",
    _arguments,
    _run,
)
