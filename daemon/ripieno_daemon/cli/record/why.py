"""`ripieno why`: what led to a decision, with every value, from the record."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..command import OK, Command
from ..output import add_json
from .inquiring import add_device, inquire

if TYPE_CHECKING:
    from ripieno.plan import Plan
    from ripieno_daemon.inquiry import Past


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="a decision: part-...-12, 'part 12', 12, or rule@event/index")
    parser.add_argument(
        "--state", metavar="DIR", required=True, help="the daemon's state directory, or its ledger file"
    )
    add_device(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    def ask(past: Past, given: Plan | None) -> tuple[int, dict[str, Any], str]:
        from ripieno_daemon.inquiry.telling import tell
        from ripieno_daemon.inquiry.why import why

        answer = why(past, arguments.id, given)
        return OK, answer, tell(answer)

    return inquire(arguments, arguments.state, ask)


COMMAND = Command(
    "why",
    "daily",
    "say what led to a decision: edge, picture, model, rule, act, booking, with every value",
    "ripieno why 'part 12' --state /var/lib/ripieno",
    _arguments,
    _run,
)
