"""`ripieno enrol`: on a device, join a fleet with a token."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from ..command import CALLED_WRONGLY, OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", metavar="HOST:PORT", help="as `ripieno fleet token` printed it")
    parser.add_argument("token", metavar="TOKEN", help="as `ripieno fleet token` printed it")
    parser.add_argument("--into", metavar="DIR", default="/etc/ripieno/fleet", help="default /etc/ripieno/fleet")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.trust.claim import claim, parse_token
    from ripieno_daemon.trust.founding import write_files

    host, _, port = arguments.place.rpartition(":")
    if not host or not port.isdecimal():
        give(arguments, {"error": "place"}, f"{arguments.place!r} should be HOST:PORT")
        return CALLED_WRONGLY
    joined = asyncio.run(claim(host, int(port), parse_token(arguments.token)))
    into = Path(arguments.into)
    write_files(into, joined.files)
    broker = joined.broker.replace("/etc/ripieno/fleet", str(into.absolute()))
    text = "\n".join(
        [
            f"this device is {joined.device}; its files are in {into} (they belong to the daemon's user: chown)",
            f"in its device file:  device: {{id: {joined.device}}}",
            f"                     {broker}",
        ]
    )
    give(arguments, {"device": joined.device, "folder": str(into), "broker": broker}, text)
    return OK


COMMAND = Command(
    "enrol",
    "operate",
    "on a device: join a fleet with a one-time token",
    "ripieno enrol broker.example.org:8884 m5xw6z-... --into /etc/ripieno/fleet",
    _arguments,
    _run,
)
