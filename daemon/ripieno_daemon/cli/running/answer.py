"""`ripieno answer`: a person's answer to a question; recorded with the name."""

from __future__ import annotations

import argparse

from ..command import Command
from .local import add_where, ask_for_a_change


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id", metavar="ID", help="as `ripieno asks` shows it; the item alone where it is asked one thing"
    )
    parser.add_argument("answer", metavar="ANSWER", help="one of the answers that the question gives")
    parser.add_argument("--as", dest="name", metavar="NAME", default="", help="who answers; your login is recorded too")
    parser.add_argument("--note", default="", help="what else should be on record")
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    more = {"id": arguments.id, "answer": arguments.answer, "as": arguments.name, "note": arguments.note}
    return ask_for_a_change(arguments, "answer", **more)


COMMAND = Command(
    "answer",
    "daily",
    "answer a question that waits for a person",
    'ripieno answer question-1a2b3c4d-17/helper refund --as "Grace H." --note "called back"',
    _arguments,
    _run,
)
