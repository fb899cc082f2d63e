"""`ripieno fleet watch`: what the devices of a fleet say, as it comes."""

from __future__ import annotations

import argparse
import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..command import OK, Command
from .connection import add_fleet, with_console
from .show import plain

if TYPE_CHECKING:
    from ripieno_daemon.console import Console
    from ripieno_daemon.fleet import Envelope


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_fleet(parser)
    parser.add_argument("device", metavar="DEVICE", nargs="?", help="only this one")
    parser.add_argument("--results", action="store_true", help="results too")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="end after so many messages")
    parser.add_argument("--json", action="store_true", help="one object a line")


def _run(arguments: argparse.Namespace) -> int:
    heard: asyncio.Queue[tuple[str, str, Envelope]] = asyncio.Queue()

    async def work(console: Console) -> int:
        await console.ready()
        left = arguments.count
        while True:
            device, what, envelope = await heard.get()
            if arguments.device in (None, device):
                body: Any = plain(dict(envelope.body))
                said = {"device": device, "what": what, "at_us": envelope.ts_us, "body": body}
                print(json.dumps(said) if arguments.json else _line(device, what, envelope.ts_us, body), flush=True)
                left -= 1
                if left == 0:
                    return OK

    also = ("s/+",) if arguments.results else ()
    return with_console(arguments, work, hear=lambda *each: heard.put_nowait(each), also=also)


def _line(device: str, what: str, at_us: int, body: Any) -> str:
    at = datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%H:%M:%S.%f")[:-3]
    if what.startswith("s/"):
        return f"{at} {device} {what[2:]}: {len(body.get('rows', []))} rows from {body.get('first')}"
    if what == "cmd":
        told = body.get("text") or body.get("reason") or ""
        return f"{at} {device} order {str(body.get('id'))[:8]} {body.get('kind', '')}: {body.get('state')} {told}"
    if what == "state":
        return f"{at} {device} {'online' if body.get('online') else 'offline'}, boot {body.get('boot')}"
    return f"{at} {device} settings {body.get('rev')}: {body.get('status')}"


COMMAND = Command(
    "fleet watch",
    "operate",
    "print what the devices say, as it comes",
    "ripieno fleet watch plant line-3 --results",
    _arguments,
    _run,
)
