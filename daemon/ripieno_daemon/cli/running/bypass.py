"""`ripieno bypass`: take an output out of use for a while; it stands in its safe state."""

from __future__ import annotations

import argparse

from ..command import Command
from .for_how_long import add_for
from .local import add_where, ask_for_a_change


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", metavar="OUTPUT", help="its name in the pipeline")
    add_for(parser)
    parser.add_argument("--why", default="", help="recorded with your name")
    parser.epilog = (
        f"{parser.epilog}\n\nWhat rules want of the output meanwhile is recorded and not done, then or later. The\n"
        "answer says what its safe state means for what comes along."
    )
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    asked = {"output": arguments.output, "for_s": arguments.for_s, "why": arguments.why}
    return ask_for_a_change(arguments, "bypass", **asked)


COMMAND = Command(
    "bypass",
    "daily",
    "take one output out of use for a while",
    'ripieno bypass gate --for 30m --why "cylinder leaks"        (until: ripieno auto gate)',
    _arguments,
    _run,
)
