"""`ripieno alarms test`: does each channel reach somebody?"""

from __future__ import annotations

import argparse

from ..command import NO, OK, Command
from ..output import give
from .local import add_where, ask


def _run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "test-alarms")
    lines = [f"{name}: {what}" for name, what in answer.get("channels", {}).items()]
    lines += [] if answer["ok"] else [f"no: {answer['why']}"]
    give(arguments, answer, "\n".join(lines))
    return OK if answer["ok"] else NO


COMMAND = Command(
    "alarms test",
    "daily",
    "send a test message on every alarm channel, switch lamps and horns for 3 s",
    "ripieno alarms test",
    add_where,
    _run,
)
