"""`ripieno auto`: give an output back to its rules."""

from __future__ import annotations

import argparse

from ..command import Command
from .local import add_where, ask_for_a_change


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", metavar="OUTPUT", help="its name in the pipeline")
    parser.add_argument("--why", default="", help="recorded with your name")
    parser.epilog = (
        f"{parser.epilog}\n\nIts rules go on from where a setpoint stands; what they wanted meanwhile is not done."
    )
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    return ask_for_a_change(arguments, "auto", output=arguments.output, why=arguments.why)


COMMAND = Command(
    "auto",
    "daily",
    "give an output back to its rules, after manual or bypass",
    "ripieno auto gate        (after: ripieno manual gate, ripieno bypass gate)",
    _arguments,
    _run,
)
