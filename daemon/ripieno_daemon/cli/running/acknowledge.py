"""`ripieno alarms acknowledge`: somebody has seen an alarm."""

from __future__ import annotations

import argparse

from ..command import Command
from .local import add_where, ask_for_a_change


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help=r"as \`ripieno alarms\` lists it, or all")
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    return ask_for_a_change(arguments, "acknowledge", name=arguments.name)


COMMAND = Command(
    "alarms acknowledge",
    "daily",
    "note that you have seen an alarm; one that tells of an event goes away",
    "ripieno alarms acknowledge all",
    _arguments,
    _run,
)
