"""A simulated line on which daemons come and go, each with its own surroundings as systemd would give them."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ripieno_daemon.ports.local_socket import LocalClient
from ripieno_sim.board import BoardSettings
from ripieno_sim.board.channels import Channel, ChannelKind, config_crc
from ripieno_sim.line.ptys import PtyPort
from ripieno_sim.plant import CHANNELS
from ripieno_sim.plant.conveyor import ConveyorSettings
from ripieno_sim.plant.parts import Part
from ripieno_sim.rig import Rig, conveyor_rig
from ripieno_sim.stage.pictures import Rendered
from ripieno_sim.stage.scene import BAUD, Settings, bundle_path, device_file, picture_name

FLOW, GATE, LAMP = 1, 0, 2
WITH_LAMP = (
    *CHANNELS,
    Channel(number=LAMP, kind=ChannelKind.SETPOINT, scale=1, minimum=0, maximum=1, safe=0, cap_ms=3000),
)


@dataclass
class Daemon:
    """One process, what it said, and what it told systemd's socket."""

    process: asyncio.subprocess.Process
    socket: Path
    said: list[dict[str, Any]] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    notified: list[str] = field(default_factory=list)

    async def until(self, event: str, text: str = "", seconds: float = 30.0) -> dict[str, Any]:
        """Wait until it has told this event, with this in its text."""
        async with asyncio.timeout(seconds):
            while True:
                for told in self.said:
                    if told.get("event") == event and text in str(told.get("text")):
                        return told
                if self.process.returncode is not None:
                    raise AssertionError(f"it ended with {self.process.returncode}: {self.said} {self.noise}")
                await asyncio.sleep(0.02)

    async def until_notified(self, line: str, seconds: float = 30.0) -> None:
        """Wait until systemd's socket has heard a message that begins so."""
        async with asyncio.timeout(seconds):
            while not any(one.startswith(line) for one in self.notified):  # noqa: ASYNC110  another process is watched
                await asyncio.sleep(0.02)

    async def ask(self, what: str, **more: object) -> dict[str, Any]:
        """Ask over the local socket."""

        def once() -> dict[str, Any]:
            client = LocalClient(self.socket)
            try:
                return client.ask(what, **more)
            finally:
                client.close()

        return await asyncio.to_thread(once)


@dataclass
class Site:
    """A line, its board, and the folders that daemons share."""

    folder: Path
    rig: Rig
    port: PtyPort
    device_file: Path

    def start_belt(self) -> None:
        """Let the parts come."""
        self.rig.plant.start(self.port.now_us())
        self.port.wake()

    def level(self, channel: int) -> int:
        """Return what the board puts out there now."""
        return self.rig.board.orders.pins.values[channel]

    @asynccontextmanager
    async def daemon(
        self, *, systemd: bool = True, prefix: tuple[str, ...] = ("-m", "ripieno_daemon")
    ) -> AsyncIterator[Daemon]:
        """Run a daemon as long as the block lasts; `systemd`: with its directories and its notify socket."""
        environment = dict(os.environ)
        if systemd:
            environment |= {
                "NOTIFY_SOCKET": str(self.folder / "notify"),
                "WATCHDOG_USEC": "4000000",
                "RUNTIME_DIRECTORY": str(self.folder / "run"),
                "STATE_DIRECTORY": str(self.folder / "kept"),
            }
        (self.folder / "notify").unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as listening:
            listening.bind(str(self.folder / "notify"))
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *prefix,
                *("run", "--device", str(self.device_file), "--json"),
                stderr=asyncio.subprocess.PIPE,
                env=environment,
                limit=1 << 20,
            )
            running = Daemon(process, self.folder / ("run" if systemd else "state") / "control.sock")
            loop = asyncio.get_running_loop()
            loop.add_reader(listening.fileno(), lambda: running.notified.append(listening.recv(8192).decode()))
            reading = asyncio.create_task(_listen(process, running))
            try:
                yield running
            finally:
                if process.returncode is None:
                    process.kill()
                await asyncio.gather(process.wait(), reading)
                loop.remove_reader(listening.fileno())


@asynccontextmanager
async def site(
    folder: Path,
    *,
    parts: int = 1000,
    rearm: str = "auto",
    bundle: Path | None = None,
    lamp: bool = False,
    broker: str = "{transport: none}",
    devices: str = "",
    more: str = "",
) -> AsyncIterator[Site]:
    """Keep a simulated line running as long as the block lasts.

    `lamp`: its board has a lamp on channel 2. `devices`, `more`: lines for the device file, under devices and at its
    end.
    """
    camera = folder / "camera"
    camera.mkdir()
    picture = Rendered(7)

    def shutter(part: Part, count: int, t_us: int) -> None:
        drawn, ending = picture(part)
        name = picture_name(part.index, count, ending)
        (camera / f".{name}").write_bytes(drawn)
        (camera / f".{name}").replace(camera / name)

    board = BoardSettings(table=WITH_LAMP if lamp else CHANNELS, baud=BAUD)
    plant = ConveyorSettings(parts=parts, starts_us=None)
    rig = conveyor_rig(7, baud=BAUD, plant=plant, shutter=shutter, board=board)
    settings = Settings(parts=parts, bundle=bundle or bundle_path())
    path = device_file(folder, settings, port=str(folder / "port"), camera=str(camera), broker=broker, state="state")
    text = path.read_text().replace("rearm: auto", f"rearm: {rearm}").replace("inputs:\n", f"{devices}inputs:\n")
    text = text.replace(str(config_crc(CHANNELS)), str(config_crc(board.table)))
    path.write_text(text + more)
    async with PtyPort(rig, folder / "port") as port:
        yield Site(folder, rig, port, path)


async def _listen(process: asyncio.subprocess.Process, running: Daemon) -> None:
    assert process.stderr is not None
    async for line in process.stderr:
        try:
            running.said.append(json.loads(line))
        except ValueError:
            running.noise.append(line.decode(errors="replace"))
