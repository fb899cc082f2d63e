"""The broker of a demo in wall-clock time: Mosquitto where it is installed, else the message-level one on a unix
socket.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ripieno.contracts.ports import Broker, Clock, Entropy
from ripieno.errors import BrokerError
from ripieno_daemon.fleet import MessageBroker
from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings
from ripieno_daemon.fleet.broker_socket import SocketBroker, serve_broker

MOSQUITTO_STARTS_S = 5.0


@dataclass(frozen=True, slots=True)
class Running:
    """A broker that runs: its name for the report, its line in the device file, and a client for the consumer."""

    name: str
    section: str
    consumer: Broker


@asynccontextmanager
async def broker(folder: Path, clock: Clock, entropy: Entropy) -> AsyncIterator[Running]:
    """Run a broker as long as the block lasts.

    Raises:
        BrokerError: Mosquitto is installed and does not start; its last words are in the message.
    """
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        path = folder / "broker.sock"
        task = asyncio.create_task(serve_broker(MessageBroker(), path), name="broker")
        try:
            section = f'{{transport: socket, address: "{path}", fleet: demo}}'
            yield Running("message-level (Mosquitto is not installed)", section, SocketBroker(path, "consumer", clock))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return
    port = _free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\nlog_dest stderr\n",
        encoding="utf-8",
    )
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(config), stdout=asyncio.subprocess.DEVNULL, stderr=(folder / "mosquitto.log").open("wb")
    )
    try:
        await _answers(port, process, folder / "mosquitto.log")
        section = f"{{transport: mqtt, address: 127.0.0.1, port: {port}, fleet: demo}}"
        settings = MqttSettings(host="127.0.0.1", port=port, client_id="consumer")
        yield Running(await _version(program), section, MqttBroker(settings, clock, entropy))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _answers(port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    try:
        async with asyncio.timeout(MOSQUITTO_STARTS_S):
            while process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    return
    except TimeoutError:
        pass
    raise BrokerError(f"mosquitto does not answer on port {port}: {_last_words(log)}")


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-400:]


async def _version(program: str) -> str:
    """Return such as `mosquitto 2.0.11`: the first line of its help says `mosquitto version 2.0.11`."""
    asked = await asyncio.create_subprocess_exec(
        program, "-h", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    written, _ = await asked.communicate()
    return written.decode(errors="replace").partition("\n")[0].replace("version ", "").strip() or "mosquitto"
