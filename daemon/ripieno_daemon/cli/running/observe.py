"""`ripieno observe`: decide and record, and move nothing."""

from __future__ import annotations

import argparse

from ..command import Command
from .local import add_where, ask_for_a_change


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pipeline", default="", metavar="NAME", help="one of several (default: all of the device)")
    parser.add_argument("--why", default="", help="recorded with your name")
    parser.epilog = (
        f"{parser.epilog}\n\nActs and bookings that rules want are recorded as withheld, and never done later;\n"
        "setpoints go to their safe values once and are then left alone. It holds over restarts, until `ripieno act`."
    )
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    return ask_for_a_change(arguments, "observe", pipeline=arguments.pipeline, why=arguments.why)


COMMAND = Command(
    "observe",
    "daily",
    "let it decide and record, and move nothing",
    'ripieno observe --why "new model on trial"        (until: ripieno act)',
    _arguments,
    _run,
)
