"""`ripieno fleet token`: let one device join, with a token that a person types there."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from ..command import CALLED_WRONGLY, OK, Command
from ..output import Progress, add_json, give

THERE = "/etc/ripieno/fleet"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="the fleet's folder")
    parser.add_argument("--device", metavar="ID", required=True, help="the device's id, as its device file says it")
    parser.add_argument("--days", type=int, default=397, help="how long the certificate holds (default 397)")
    parser.add_argument("--minutes", type=float, default=15.0, help="how long the token is good (default 15)")
    parser.add_argument("--listen", metavar="ADDRESS", default="0.0.0.0", help="default: all of this machine")
    parser.add_argument("--port", type=int, default=8884, help="default 8884")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.ports import SystemClock, SystemEntropy
    from ripieno_daemon.trust.claim import SECRET_BYTES, Joined, new_token, serve_claim
    from ripieno_daemon.trust.founding import FleetFolder

    if not 0 < arguments.days <= 3650 or not 0 < arguments.minutes <= 1440:
        give(arguments, {"error": "--days, --minutes"}, "--days should be 1 to 3650, --minutes above 0, to 1440")
        return CALLED_WRONGLY
    fleet = FleetFolder(Path(arguments.folder), SystemClock())
    server = fleet.root / "broker/broker.pem", fleet.root / "broker/broker.key"
    token = new_token(SystemEntropy().token(SECRET_BYTES), server[0].read_bytes())

    def enrol(request: bytes) -> Joined:
        folder = fleet.enrol(arguments.device, arguments.days, request)
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        return Joined(arguments.device, fleet.broker_section(THERE), files)

    Progress().say(
        f"on the device, within {arguments.minutes:g} minutes:\n"
        f"  ripieno enrol {fleet.hosts[0]}:{arguments.port} {token.text} --into {THERE}"
    )
    files = str(server[0]), str(server[1])
    asyncio.run(serve_claim(arguments.listen, arguments.port, files, token, enrol, arguments.minutes * 60))
    until_s = fleet.devices[arguments.device]["until_s"]
    give(arguments, {"device": arguments.device, "until_s": until_s}, f"{arguments.device} is of fleet {fleet.fleet}")
    return OK


COMMAND = Command(
    "fleet token",
    "operate",
    "let one device join with a one-time token; its key is made there and stays there",
    "ripieno fleet token plant --device line-3",
    _arguments,
    _run,
)
