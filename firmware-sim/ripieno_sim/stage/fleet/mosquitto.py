"""Mosquitto as a process: as `ripieno fleet init` configures it, or with its defaults, on loopback."""

from __future__ import annotations

import asyncio
import shutil
import socket
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path

from ripieno.errors import BrokerError

STARTS_S = 5.0


def program() -> str:
    """Return where Mosquitto is.

    Raises:
        BrokerError: it is not installed.
    """
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise BrokerError("mosquitto is not installed (Debian: apt install mosquitto)")
    return found


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def defaults(folder: Path, port: int) -> Path:
    """Write the least configuration: everything else as Mosquitto comes, nothing kept on the disk."""
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n", encoding="utf-8")
    return config


async def start(config: Path, port: int) -> Process:
    """Start it and return when it listens.

    Raises:
        BrokerError: it does not start, with its last words.
    """
    log = config.with_name("mosquitto.log")
    with log.open("ab") as words:
        process = await asyncio.create_subprocess_exec(program(), "-c", str(config), stdout=DEVNULL, stderr=words)
    try:
        async with asyncio.timeout(STARTS_S):
            while process.returncode is None:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.01)
                else:
                    writer.close()
                    return process
    except TimeoutError:
        process.kill()
    raise BrokerError(f"mosquitto does not answer on port {port}: {log.read_text(errors='replace')[-400:]}")


async def version() -> str:
    """Return such as `mosquitto 2.0.11`: the first line of its help says `mosquitto version 2.0.11`."""
    asked = await asyncio.create_subprocess_exec(program(), "-h", stdout=asyncio.subprocess.PIPE, stderr=DEVNULL)
    written, _ = await asked.communicate()
    return written.decode(errors="replace").partition("\n")[0].replace("version ", "").strip() or "mosquitto"
