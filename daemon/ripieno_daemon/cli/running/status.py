"""`ripieno status`: how the daemon stands. Exit code 1 where it does not serve."""

from __future__ import annotations

import argparse

from ..command import NO, OK, Command
from ..output import give
from .local import add_where, ask
from .standing_text import standing_text


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "status")
    give(arguments, answer, standing_text(answer))
    return OK if answer["healthy"] else NO


COMMAND = Command(
    "status",
    "daily",
    "how the daemon stands: plan, devices, models, record, alarms",
    "ripieno status        (ripieno status --json - for programs)",
    _arguments,
    _run,
)
