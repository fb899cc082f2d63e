"""`ripieno top`: the daemon's standing, live."""

from __future__ import annotations

import argparse
import json
import sys
import time

from ..command import NO, OK, Command
from .local import add_where, connected
from .standing_text import standing_text

CLEAR = "\x1b[H\x1b[2J"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--every", type=float, default=1.0, metavar="S", help="seconds between two looks (default 1)")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="end after N looks (default: on Ctrl-C)")
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    client = connected(arguments)
    looks, before = 0, None
    while True:
        report = client.ask("status")
        looks += 1
        if arguments.json is not None:
            print(json.dumps(report), flush=True)  # one object a line, whatever FILE says: it never ends
        else:
            clear = CLEAR if sys.stdout.isatty() else ""
            print(f"{clear}{standing_text(report)}\n{_rates(before, report)}", flush=True)
        if looks == arguments.count:
            client.close()
            return OK if report["healthy"] else NO
        before = report
        time.sleep(max(0.1, arguments.every))


def _rates(before: dict[str, object] | None, now: dict[str, object]) -> str:
    """Return what happened since the look before, a second."""
    if before is None:
        return ""
    span_s = float(now["up_s"]) - float(before["up_s"])  # type: ignore[arg-type]
    if span_s <= 0:
        return ""
    cpu = (float(now["processor_s"]) - float(before["processor_s"])) / span_s  # type: ignore[arg-type]
    items = now.get("counters", {}).get("triggers", 0) - before.get("counters", {}).get("triggers", 0)  # type: ignore[attr-defined]
    records = (now.get("ledger") or {}).get("head", 0) - (before.get("ledger") or {}).get("head", 0)  # type: ignore[attr-defined]
    return f"{'now':<10} {items / span_s:.1f} items/s, {records / span_s:.1f} records/s, {cpu * 100:.1f} % of a core"


COMMAND = Command(
    "top",
    "daily",
    "watch how the daemon stands, live",
    "ripieno top        (Ctrl-C ends it)",
    _arguments,
    _run,
)
