"""`ripieno ledger verify`: is the record whole, and if not, which one was changed?"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..command import CALLED_WRONGLY, NO, OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("state", metavar="STATE_DIR", help="the daemon's state directory, or its ledger file")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.ledger.verify import verify

    path = Path(arguments.state)
    ledger = path / "ledger.sqlite" if path.is_dir() else path
    if not ledger.is_file():
        give(arguments, {"error": f"{path}: no ledger here"}, f"{path}: no ledger here; name a state directory")
        return CALLED_WRONGLY
    report = verify(ledger)
    result = {
        "ok": report.is_whole,
        "records": report.records,
        "head": {"id": report.head[0], "chain": report.head[1]},
        "epoch": report.epoch,
        "erased": report.erased,
        "first_damaged": report.first_damaged,
        "damage": [{"record": each.record_id, "why": each.why} for each in report.damage],
    }
    lines = [f"{ledger}: {report.records} records, head {report.head[0]} {report.head[1][:16]}…"]
    lines += [f"DAMAGED {each}" for each in report.damage] or [
        "whole: every payload, digest and link of the chain fits"
    ]
    give(arguments, result, "\n".join(lines))
    return OK if report.is_whole else NO


COMMAND = Command(
    "ledger verify",
    "prove",
    "check the record's chain; names the first record that was changed",
    "ripieno ledger verify /var/lib/ripieno",
    _arguments,
    _run,
)
