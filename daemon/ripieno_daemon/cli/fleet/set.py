"""`ripieno fleet set`: what a device's settings should be, as one signed document with a revision."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import TYPE_CHECKING, Any

from ..command import NO, OK, Command
from ..output import add_json, give
from .connection import add_fleet, add_keys, with_console, wrongly
from .show import plain

if TYPE_CHECKING:
    from ripieno_daemon.console import Console
    from ripieno_daemon.fleet import Envelope


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_fleet(parser)
    parser.add_argument("device", metavar="DEVICE")
    parser.add_argument("values", metavar="NAME=VALUE", nargs="+", help="changed settings; a value is JSON, or text")
    parser.add_argument("--expect", type=int, metavar="REV", help="refuse unless this revision is the last one")
    parser.add_argument("--within", type=float, default=10.0, metavar="S", help="wait so long for the report (10)")
    add_keys(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    changes: dict[str, Any] = {}
    for word in arguments.values:
        name, equals, text = word.partition("=")
        if not equals:
            return wrongly(arguments, f"{word!r} should be NAME=VALUE")
        try:
            changes[name] = json.loads(text)
        except ValueError:
            changes[name] = text
    reports: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def hear(device: str, what: str, envelope: Envelope) -> None:
        if device == arguments.device and what == "rep":
            reports.put_nowait(dict(envelope.body))

    async def work(console: Console) -> int:
        await console.ready()
        await console.ready(device=arguments.device)
        report = console.seen[arguments.device].report
        if not report:
            return wrongly(arguments, f"{arguments.device} reports no settings")
        rev = int(report["rev"])
        if arguments.expect not in (None, rev):
            text = f"the last revision is {rev}, not {arguments.expect}: somebody else was here (ripieno fleet show)"
            give(arguments, {"error": "revision", "rev": rev}, text)
            return NO
        values = {key: report["effective"][key] for key in report["effective"]} | changes
        await console.desire(arguments.device, values, rev + 1)
        try:
            async with asyncio.timeout(arguments.within):
                while True:
                    report = await reports.get()
                    if report["rev"] == rev + 1 and report["status"] != "pending":
                        break
        except TimeoutError:
            text = f"revision {rev + 1} is with the broker; {arguments.device} has not reported it yet"
            give(arguments, {"rev": rev + 1, "status": "unreported"}, text)
            return NO
        lines = [f"{arguments.device}: revision {rev + 1} {report['status']}"]
        lines += [f"  {key or 'all'}: {text}" for key, text in report["reasons"].items()]
        give(arguments, plain(report), "\n".join(lines))
        return OK if report["status"] == "applied" else NO

    return with_console(arguments, work, hear=hear)


COMMAND = Command(
    "fleet set",
    "operate",
    "change settings of a device: one signed document, applied whole or refused with a reason for each key",
    "ripieno fleet set plant line-3 reject_share=0.2",
    _arguments,
    _run,
)
