"""`ripieno act`: let pipelines that only observe move things again."""

from __future__ import annotations

import argparse

from ..command import Command
from .local import add_where, ask_for_a_change


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pipeline", default="", metavar="NAME", help="one of several (default: all of the device)")
    parser.add_argument("--why", default="", help="recorded with your name")
    parser.epilog = (
        f"{parser.epilog}\n\nWhat was wanted while it observed is not done. `ripieno safe` still holds outputs."
    )
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    return ask_for_a_change(arguments, "act", pipeline=arguments.pipeline, why=arguments.why)


COMMAND = Command(
    "act",
    "daily",
    "let pipelines act again that only observe",
    "ripieno act        (after: ripieno observe)",
    _arguments,
    _run,
)
