"""`ripieno why-not`: what kept a rule from acting, and by how much, from the record."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ..command import NO, OK, Command
from ..output import add_json
from .inquiring import add_device, inquire

if TYPE_CHECKING:
    from ripieno.plan import Plan
    from ripieno_daemon.inquiry import Past


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rule", metavar="RULE", help="a rule's name, as in pipeline.yaml")
    parser.add_argument(
        "--at", metavar="T", required=True, help="engine seconds (3.2), a UTC time (2026-05-01T06:30:00Z), or 'part 12'"
    )
    parser.add_argument(
        "--state", metavar="DIR", required=True, help="the daemon's state directory, or its ledger file"
    )
    add_device(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    def ask(past: Past, given: Plan | None) -> tuple[int, dict[str, Any], str]:
        from ripieno_daemon.inquiry.telling import tell_block
        from ripieno_daemon.inquiry.why_not import why_not

        answer = why_not(past, arguments.rule, arguments.at, given)
        return OK if answer["blocked"] else NO, answer, tell_block(answer)

    return inquire(arguments, arguments.state, ask)


COMMAND = Command(
    "why-not",
    "daily",
    "say what kept a rule from acting at a time or for a part, and by how much (1: nothing did)",
    "ripieno why-not trim_up --at 3.2 --state /var/lib/ripieno",
    _arguments,
    _run,
)
