"""`ripieno safe`: outputs safe now, and held until somebody rearms them. No emergency stop: that is hardware."""

from __future__ import annotations

import argparse

from ..command import Command
from .local import add_where, ask_for_a_change


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--why", default="", help="recorded with your name")
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    return ask_for_a_change(arguments, "safe", why=arguments.why)


COMMAND = Command(
    "safe",
    "daily",
    "hold all outputs at their safe values until they are rearmed (no emergency stop: that is hardware)",
    'ripieno safe --why "guard door open"        (until: ripieno rearm)',
    _arguments,
    _run,
)
