"""`ripieno health`: is the daemon healthy, is it ready? For a probe: the exit code says it."""

from __future__ import annotations

import argparse

from ..command import NO, OK, Command
from ..output import give
from .local import add_where, ask


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ready", action="store_true", help="ask whether an act is possible now, not whether it serves"
    )
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "health")
    words = [
        answer["phase"],
        "healthy" if answer["healthy"] else "not healthy",
        "ready" if answer["ready"] else "not ready",
    ]
    give(arguments, answer, ", ".join(words))
    return OK if answer["ready" if arguments.ready else "healthy"] else NO


COMMAND = Command(
    "health",
    "operate",
    "say by the exit code whether the daemon serves (--ready: whether an act is possible)",
    "ripieno health --ready && echo the line may start",
    _arguments,
    _run,
)
