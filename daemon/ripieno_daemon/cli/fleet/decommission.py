"""`ripieno fleet decommission`: a device is of the fleet no more."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from ripieno.errors import BrokerError

from ..command import NO, OK, Command
from ..output import add_json, give
from .connection import add_fleet


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_fleet(parser)
    parser.add_argument("device", metavar="DEVICE")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.console import Console
    from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings, TlsFiles
    from ripieno_daemon.ports import SystemClock, SystemEntropy
    from ripieno_daemon.trust.broker_files import REGISTRAR
    from ripieno_daemon.trust.founding import FleetFolder

    clock, entropy = SystemClock(), SystemEntropy()
    fleet = FleetFolder(Path(arguments.folder), clock)
    fleet.decommission(arguments.device)

    async def forget() -> None:
        tls = TlsFiles(*map(str, fleet.client(REGISTRAR)))
        host = arguments.broker or fleet.hosts[0]
        settings = MqttSettings(host=host, port=fleet.port, client_id=REGISTRAR, tls=tls, session_expiry_s=0)
        broker = MqttBroker(settings, clock, entropy)
        console = Console(broker, fleet.fleet, REGISTRAR, clock, entropy, [])
        connection = asyncio.create_task(broker.run([], lambda *_: None, console.connected, console.disconnected))
        try:
            await console.ready()
            await console.forget(arguments.device)
        finally:
            connection.cancel()
            await asyncio.gather(connection, return_exceptions=True)

    lines = [
        f"{arguments.device}: its certificate is revoked",
        f"the broker learns it at its next start from {fleet.root}/broker/revoked.pem: restart it",
    ]
    try:
        asyncio.run(forget())
        forgotten = ""
        lines.append("what the broker kept of it is taken away")
    except BrokerError as error:
        forgotten = str(error)
        lines.append(f"NOT DONE: what the broker keeps of it is still there ({forgotten}); do this once more")
    give(arguments, {"device": arguments.device, "revoked": True, "forgotten": not forgotten}, "\n".join(lines))
    return NO if forgotten else OK


COMMAND = Command(
    "fleet decommission",
    "operate",
    "revoke a device's certificate and take away what the broker keeps of it",
    "ripieno fleet decommission plant line-3",
    _arguments,
    _run,
)
