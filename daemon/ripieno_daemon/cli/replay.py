"""`ripieno replay`: would the same be decided again, from what is recorded?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from .command import NO, OK, Command
from .inquiring import add_device, inquire
from .output import add_json

if TYPE_CHECKING:
    from ripieno.plan import Plan
    from ripieno_daemon.inquiry import Past


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("state", metavar="STATE_DIR", help="the daemon's state directory, or its ledger file")
    add_device(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    return inquire(arguments, arguments.state, _ask)


def _ask(past: Past, given: Plan | None) -> tuple[int, dict[str, Any], str]:
    from ripieno_daemon.inquiry.replay import replay, text

    result = replay(past, given)
    return NO if result["mismatches"] else OK, result, text(result)


COMMAND = Command(
    "replay",
    "prove",
    "make every recorded decision again from what came in, and name those that differ",
    "ripieno replay /var/lib/ripieno",
    _arguments,
    _run,
)
