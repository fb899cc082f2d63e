"""`ripieno alarms`: what a person should know now."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from ..command import OK, Command
from ..output import give
from .local import add_where, ask


def _run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "alarms")
    give(arguments, answer, "\n".join(map(line_of, answer["alarms"])) or "no alarms")
    return OK


def line_of(alarm: dict[str, Any]) -> str:
    """Return an alarm as one line for people."""
    last = datetime.fromtimestamp(alarm["last_ns"] / 1e9, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    often = f" ({alarm['count']} times)" if alarm["count"] > 1 else ""
    seen = f" [seen by {alarm['seen_by']}]" if alarm["seen_by"] else ""
    seen += " [has returned to normal]" if alarm["has_returned"] else ""
    seen += " [chatters: told once, counted since]" if alarm["chatters"] else ""
    return f"{last}  {alarm['severity']:<6}  {alarm['name']}{often}{seen}\n    {alarm['text']}"


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_where(parser)


COMMAND = Command(
    "alarms",
    "daily",
    "list what is wrong now, what nobody has seen yet first",
    "ripieno alarms        (then: ripieno alarms acknowledge NAME)",
    _arguments,
    _run,
)
