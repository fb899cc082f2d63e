"""`ripieno asks`: the questions that wait for a person."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from ..command import OK, Command
from ..output import give
from .local import add_where, ask


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--role", help="only those for this role")
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "asks")
    if arguments.role:
        answer["asks"] = [one for one in answer["asks"] if one["role"] == arguments.role]
    give(
        arguments,
        answer,
        "\n".join(line for one in answer["asks"] for line in _told(one)) or "nobody is asked anything",
    )
    return OK


def _told(one: dict[str, Any]) -> Iterator[str]:
    yield f"{one['id']}  for {one['role']}, {one['left_s']:.0f} s left"
    yield f"    {one['question']}   ({' | '.join(one['answers'])})"
    for name, value in one["show"].items():
        yield f"    {name}: {'unknown' if value is None else value}"


COMMAND = Command(
    "asks",
    "daily",
    "list the questions that wait for a person",
    "ripieno asks --role doctor        (then: ripieno answer ID yes --as NAME)",
    _arguments,
    _run,
)
