"""`ripieno consume`: takes the results of a fleet into SQLite or PostgreSQL, each once, and says which it has."""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..command import CALLED_WRONGLY, OK, Command
from ..output import Progress

if TYPE_CHECKING:
    from ripieno.contracts.ports import Database


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--into",
        metavar="FILE",
        required=True,
        help="an SQLite file, or postgresql://user@host/database (needs ripieno[postgresql]): tables rows and marks",
    )
    parser.add_argument("--fleet", metavar="DIR", help="the fleet's folder; its consumer certificate is used")
    parser.add_argument("--name", metavar="FLEET", help="without --fleet: the fleet's name in its topics")
    parser.add_argument("--broker", metavar="HOST[:PORT]", help="default: the fleet's first host; else localhost:1883")
    parser.add_argument("--most-backoff", type=float, default=60.0, metavar="S", help=argparse.SUPPRESS)


def _run(arguments: argparse.Namespace) -> int:
    import uvloop

    if (arguments.fleet is None) == (arguments.name is None):
        Progress().say("name either --fleet DIR (certificates) or --name FLEET (a broker in the clear)")
        return CALLED_WRONGLY
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(arguments))


async def _serve(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.fleet import Consumer
    from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings, TlsFiles
    from ripieno_daemon.ports import SystemClock, SystemEntropy
    from ripieno_daemon.trust.broker_files import CONSUMER
    from ripieno_daemon.trust.founding import FleetFolder

    clock, entropy, progress = SystemClock(), SystemEntropy(), Progress()
    host, _, port = (arguments.broker or "").partition(":")
    if arguments.fleet is not None:
        fleet = FleetFolder(Path(arguments.fleet), clock)
        tls = TlsFiles(*map(str, fleet.client(CONSUMER)))
        name, host, number = fleet.fleet, host or fleet.hosts[0], int(port or fleet.port)
    else:
        tls, name, host, number = None, arguments.name, host or "localhost", int(port or 1883)
    settings = MqttSettings(host=host, port=number, client_id=CONSUMER, tls=tls, most_backoff_s=arguments.most_backoff)
    database, into, tables = _database(arguments.into)
    consumer = await Consumer.open(
        database, MqttBroker(settings, clock, entropy), clock, entropy, name, say=progress.say, tables=tables
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    task = asyncio.create_task(consumer.run(), name="consumer")
    waiting = asyncio.create_task(stop.wait(), name="signals")
    progress.say(f"taking results of fleet {name} at {host} into {into}")
    try:
        while not task.done() and not stop.is_set():
            progress.show(f"{consumer.taken} rows taken, {consumer.skipped} came again, {consumer.refused} refused")
            await asyncio.wait([task, waiting], timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        waiting.cancel()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await database.close()
        progress.clear()
    progress.say(f"{consumer.taken} rows taken, {consumer.skipped} came again, {consumer.refused} messages refused")
    return OK


def _database(into: str) -> tuple[Database, str, Sequence[str]]:
    """Return the database, how it is told (without a password), and the statements of its tables."""
    from ripieno_daemon.fleet.consumer_tables import POSTGRESQL, SQLITE
    from ripieno_daemon.ports.postgres import SCHEMES, PostgresDatabase

    if into.startswith(SCHEMES):
        return PostgresDatabase(into), f"PostgreSQL at {into.rpartition('@')[2]}", POSTGRESQL
    from ripieno_daemon.ports import DiskStorage

    path = Path(into)
    return DiskStorage(path.parent).database(path.name), into, SQLITE


COMMAND = Command(
    "consume",
    "operate",
    "take the results of a fleet into SQLite or PostgreSQL, each once; what is there is freed on the devices",
    "ripieno consume --fleet plant --into results.sqlite",
    _arguments,
    _run,
)
