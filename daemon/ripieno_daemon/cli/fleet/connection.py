"""How a command of the operator reaches the broker: the fleet's folder, one of its console certificates, its keys.

Each certificate is one client id, and a second client with it would take the first one's place: a lock file gives
each running command its own.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ripieno.errors import BrokerError

from ..command import CALLED_WRONGLY
from ..output import give

if TYPE_CHECKING:
    from ripieno_daemon.console import Console
    from ripieno_daemon.console.console import Hear
    from ripieno_daemon.trust.founding import FleetFolder

Work = Callable[["Console"], Coroutine[Any, Any, int]]


def add_fleet(parser: argparse.ArgumentParser) -> None:
    """Add the fleet's folder and how to reach its broker."""
    parser.add_argument("folder", metavar="DIR", help="the fleet's folder, as `ripieno fleet init` made it")
    parser.add_argument("--broker", metavar="HOST", help="where the broker is (default: the fleet's first host)")


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Add the keys to sign with."""
    parser.add_argument(
        "--key",
        metavar="FILE",
        action="append",
        help="a private key to sign with; twice where the policy wants two (default: keys/operator.pem)",
    )


def with_console(
    arguments: argparse.Namespace,
    work: Work,
    *,
    hear: Hear = lambda _device, _what, _envelope: None,
    also: Sequence[str] = (),
) -> int:
    """Connect, do the work, return its exit code. `also`: see Console.run.

    Raises:
        RipienoError: no connection, no fleet, no key, no answer.
    """
    from ripieno_daemon.console import Console
    from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings, TlsFiles
    from ripieno_daemon.ports import SystemClock, SystemEntropy
    from ripieno_daemon.trust.broker_files import CONSOLES
    from ripieno_daemon.trust.founding import FleetFolder

    clock, entropy = SystemClock(), SystemEntropy()
    fleet = FleetFolder(Path(arguments.folder), clock)
    keys = [fleet.signer(name) for name in getattr(arguments, "key", None) or ["operator"]]

    async def serve(name: str) -> int:
        tls = TlsFiles(*map(str, fleet.client(name)))
        host = arguments.broker or fleet.hosts[0]
        settings = MqttSettings(host=host, port=fleet.port, client_id=name, tls=tls, session_expiry_s=0)
        console = Console(MqttBroker(settings, clock, entropy), fleet.fleet, name, clock, entropy, keys, hear)
        connection = asyncio.create_task(console.run(*also), name="console")
        working = asyncio.create_task(work(console), name="work")
        try:
            await asyncio.wait([connection, working], return_when=asyncio.FIRST_COMPLETED)
            if connection.done():
                connection.result()
            return await working
        finally:
            for task in (connection, working):
                task.cancel()
            await asyncio.gather(connection, working, return_exceptions=True)

    with _one_of(fleet, CONSOLES) as name:
        return asyncio.run(serve(name))


@contextmanager
def _one_of(fleet: FleetFolder, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        fd = os.open(fleet.root / name / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield name
            return
        finally:
            os.close(fd)
    raise BrokerError(f"all {len(names)} consoles of {fleet.root} are in use; end one of the other commands")


def wrongly(arguments: argparse.Namespace, text: str) -> int:
    """Say how it should have been called."""
    give(arguments, {"error": text}, text)
    return CALLED_WRONGLY
