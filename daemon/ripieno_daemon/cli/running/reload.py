"""`ripieno reload`: the files as they are now come into force, if they are good."""

from __future__ import annotations

import argparse

from ..command import Command
from .local import add_where, ask_for_a_change


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = f"{parser.epilog}\\n\\nWhat runs goes on where the files have problems. Exit code 1: refused."
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    return ask_for_a_change(arguments, "reload")


COMMAND = Command(
    "reload",
    "operate",
    "put the device file and its bundles as they are now into force, unless they have problems",
    "ripieno reload        (says what changed, or refuses and says why)",
    _arguments,
    _run,
)
