"""`ripieno rearm`: a person says that outputs may move again."""

from __future__ import annotations

import argparse

from ..command import Command
from .local import add_where, ask_for_a_change


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = f"{parser.epilog}\\n\\nRecorded with your name. In safe mode it makes the daemon try again."
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    return ask_for_a_change(arguments, "rearm")


COMMAND = Command(
    "rearm",
    "daily",
    "let outputs move again, after a start, a fault or ripieno safe",
    r"ripieno rearm        (after a start, a fault or \`ripieno safe\`)",
    _arguments,
    _run,
)
