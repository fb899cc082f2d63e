"""`ripieno manual`: a person moves an output, for a while, instead of its rules."""

from __future__ import annotations

import argparse

from ..command import Command
from .for_how_long import add_for
from .local import add_where, ask_for_a_change


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", metavar="OUTPUT", help="its name in the pipeline")
    parser.add_argument("what", metavar="VALUE|pulse|off", help="a setpoint's value; fire one pulse; or its safe state")
    add_for(parser, required=False)
    parser.add_argument("--why", default="", help="recorded with your name")
    parser.epilog = (
        f"{parser.epilog}\n\nWhat rules want of the output meanwhile is recorded and not done. A value stays within\n"
        "the pipeline's range and step, a pulse has its hold; the answer says what became of it. --for may be left\n"
        "out where the output is on manual already. Not while outputs are held safe, and `ripieno safe` ends it."
    )
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    asked = {"output": arguments.output, "to": arguments.what, "for_s": arguments.for_s, "why": arguments.why}
    return ask_for_a_change(arguments, "manual", **asked)


COMMAND = Command(
    "manual",
    "daily",
    "move one output by hand for a while",
    'ripieno manual gate pulse --for 10m --why "cleaning"        (until: ripieno auto gate)',
    _arguments,
    _run,
)
