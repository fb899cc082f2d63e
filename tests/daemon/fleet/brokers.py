"""The brokers, each started for one test and able to lose its connections."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ripieno.contracts.ports import Broker
from ripieno_daemon.fleet import MessageBroker
from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings, TlsFiles
from ripieno_daemon.fleet.broker_socket import SocketBroker, serve_broker
from ripieno_daemon.fleet.message_broker import Will
from ripieno_daemon.ports import SystemClock, SystemEntropy
from ripieno_daemon.trust.broker_files import RESERVED
from ripieno_daemon.trust.founding import FleetFolder, found

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
Connect = Callable[..., Broker]


@asynccontextmanager
async def in_process(_folder: Path) -> AsyncIterator[Connect]:
    broker = MessageBroker()

    def connect(name: str, will: Will | None = None, birth: Any = None) -> Broker:
        return broker.client(name, SystemClock(), SystemEntropy(), will=will, birth=birth)

    yield connect


@asynccontextmanager
async def on_socket(folder: Path) -> AsyncIterator[Connect]:
    path = folder / "broker.sock"
    server = asyncio.create_task(serve_broker(MessageBroker(), path), name="broker")

    def connect(name: str, will: Will | None = None, birth: Any = None) -> Broker:
        return SocketBroker(path, name, SystemClock(), will=will, birth=birth)

    yield connect
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_mosquitto(folder: Path, port: int, *lines: str) -> subprocess.Popen[bytes]:
    """Start one on loopback that keeps nothing on the disk: its defaults, which lose everything when it is killed."""
    assert MOSQUITTO is not None
    config = folder / "mosquitto.conf"
    config.write_text("\n".join([f"listener {port} 127.0.0.1", "allow_anonymous true", "set_tcp_nodelay true", *lines]))
    return start_configured(config, port)


def start_configured(config: Path, port: int) -> subprocess.Popen[bytes]:
    """Start one with a configuration file and return when it listens."""
    assert MOSQUITTO is not None
    process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        if process.poll() is not None:
            break
        process_wait(process, 0.02)
    raise AssertionError("mosquitto does not listen")


def process_wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        pass


@asynccontextmanager
async def mosquitto(folder: Path, *lines: str) -> AsyncIterator[Connect]:
    port = free_port()
    process = start_mosquitto(folder, port, *lines)

    def connect(name: str, will: Will | None = None, birth: Any = None) -> Broker:
        settings = MqttSettings(host="127.0.0.1", port=port, client_id=name, will_delay_s=0)
        return MqttBroker(settings, SystemClock(), SystemEntropy(), will=will, birth=birth)

    try:
        yield connect
    finally:
        process.kill()
        process.wait()


def new_fleet(folder: Path, port: int) -> FleetFolder:
    """What `ripieno fleet init` makes."""
    return found(folder / "plant", "plant", ["127.0.0.1"], "127.0.0.1", port, SystemClock())


def tls_files(fleet: FleetFolder, name: str) -> TlsFiles:
    """The certificate of a client; a device is enrolled at its first."""
    if name in RESERVED:
        return TlsFiles(*map(str, fleet.client(name)))
    folder = fleet.root / "devices" / name
    if not folder.exists():
        fleet.enrol(name)
    return TlsFiles(str(folder / "ca.pem"), str(folder / "device.pem"), str(folder / "device.key"))


def tls_client(fleet: FleetFolder, name: str, will: Will | None = None, birth: Any = None, **more: Any) -> MqttBroker:
    """A client with its certificate."""
    settings = MqttSettings(
        **{"host": "127.0.0.1", "port": fleet.port, "client_id": name, "tls": tls_files(fleet, name)} | more
    )
    return MqttBroker(settings, SystemClock(), SystemEntropy(), will=will, birth=birth)


@asynccontextmanager
async def fleet_broker(folder: Path, *, access_list: bool = True) -> AsyncIterator[FleetFolder]:
    """Mosquitto as `ripieno fleet init` configures it."""
    fleet = new_fleet(folder, free_port())
    config = fleet.root / "broker/mosquitto.conf"
    if not access_list:
        config.write_text("".join(x for x in config.read_text().splitlines(True) if not x.startswith("acl_file")))
    process = start_configured(config, fleet.port)
    try:
        yield fleet
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def mosquitto_tls(folder: Path) -> AsyncIterator[Connect]:
    """The same with topics of any name, for what is asked of every broker."""
    async with fleet_broker(folder, access_list=False) as fleet:

        def connect(name: str, will: Will | None = None, birth: Any = None) -> Broker:
            return tls_client(fleet, name, will, birth, will_delay_s=0)

        yield connect
