"""A running board with its line, its plant and the terminal that a host opens, in wall-clock time.

async with qemu_rig(7, ConveyorSettings(parts=300, starts_us=None), path, shutter) as running:
    running.start()
    await running.finished()
    running.plant.tally(...)
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from ripieno_sim.firmware.build import built, require
from ripieno_sim.firmware.outside.host import HostBoard, OutsideBoard
from ripieno_sim.firmware.outside.qemu import QEMU, QemuBoard
from ripieno_sim.firmware.outside.wires import Wire
from ripieno_sim.firmware.wired import WiredRig
from ripieno_sim.line import CLEAN, LineFaults, PacedLine
from ripieno_sim.line.ptys import PtyPort
from ripieno_sim.plant import CHANNELS, Conveyor, ConveyorSettings
from ripieno_sim.plant.station import Shutter
from ripieno_sim.seeds import stream

__all__ = ["Running", "host_rig", "qemu_rig"]

POLL_S = 0.005
UART_BYTES = 8
"""QEMU's UART takes one byte for each turn of its loop. It is given a frame as it comes, as a real one is; given whole
frames at their end it had them 2 ms late, and a PING took longer than its PONG, which looks like another clock.
"""
BOOTS_WITHIN_S = 20.0  # QEMU needs 0.3 s; a machine that is busy, more
MakeBoard = Callable[[Wire, Wire], OutsideBoard]


@dataclass(frozen=True, slots=True)
class Running:
    """What is running. `rig.boots` and `rig.outputs` say what the board did, `port.path` is where the host opens it."""

    rig: WiredRig
    port: PtyPort
    board: OutsideBoard
    _life: asyncio.Task[None]
    _wires: tuple[Wire, Wire]

    @property
    def plant(self) -> Conveyor:
        """The conveyor that the board moves."""
        return self.rig.plant

    @property
    def lost_bytes(self) -> int:
        """Bytes for the board that its wires had no room for."""
        return sum(wire.lost_bytes for wire in self._wires)

    def now_us(self) -> int:
        """Return the rig's time."""
        return self.port.now_us()

    def start(self) -> None:
        """Start the belt now."""
        self.plant.start(self.port.now_us())
        self.port.wake()

    async def finished(self) -> None:
        """Wait until the last part has left the belt.

        Raises:
            BoardDied: the firmware ended by itself.
        """
        done = asyncio.create_task(self.port.finished(), name="last part")
        try:
            await asyncio.wait({done, self._life}, return_when=asyncio.FIRST_COMPLETED)
            if not done.done():
                self._life.result()
        finally:
            done.cancel()

    async def booted(self, boots: int = 1) -> None:
        """Wait until the board has booted so often and knows its position.

        Raises:
            BoardDied: the firmware ended by itself.
            TimeoutError: it does not answer.
        """
        async with asyncio.timeout(BOOTS_WITHIN_S):
            while len(self.rig.boots) < boots or not self.rig.is_ready:
                if self._life.done():
                    self._life.result()
                await asyncio.sleep(POLL_S)


def host_rig(
    seed: int,
    plant: ConveyorSettings,
    path: Path,
    shutter: Shutter | None = None,
    *,
    baud: int = 1_000_000,
    faults: LineFaults = CLEAN,
    target: str = "host",
) -> AbstractAsyncContextManager[Running]:
    """Run the firmware as a process of this machine.

    Args:
        seed: of the plant and the line.
        plant: geometry and motion; starts_us=None waits for `Running.start`.
        path: where the host finds the port.
        shutter: called with (part, count, t_us) when a part is at the camera.
        baud: of the line and of the board's UART.
        faults: what the line does wrong.
        target: another build, such as the instrumented one.

    Raises:
        ToolMissing, BuildFailed: the firmware cannot be built.
        BoardDied, TimeoutError: it does not run.
    """
    return _host_rig(seed, plant, path, shutter, baud, faults, target)


def qemu_rig(
    seed: int,
    plant: ConveyorSettings,
    path: Path,
    shutter: Shutter | None = None,
    *,
    baud: int = 1_000_000,
    faults: LineFaults = CLEAN,
    target: str = "image",
) -> AbstractAsyncContextManager[Running]:
    """Run the firmware's Cortex-M3 image in QEMU; see `host_rig`."""
    return _qemu_rig(seed, plant, path, shutter, baud, faults, target)


@asynccontextmanager
async def _host_rig(
    seed: int,
    plant: ConveyorSettings,
    path: Path,
    shutter: Shutter | None,
    baud: int,
    faults: LineFaults,
    target: str,
) -> AsyncIterator[Running]:
    program = await asyncio.to_thread(built, target)
    with tempfile.TemporaryDirectory(prefix="ripieno-board-") as folder:

        def make(link: Wire, bus: Wire) -> OutsideBoard:
            return HostBoard(link, bus, baud, Path(folder), program)

        async with _running(seed, plant, path, shutter, PacedLine(baud, stream(seed, "line"), faults), make) as running:
            yield running


@asynccontextmanager
async def _qemu_rig(
    seed: int,
    plant: ConveyorSettings,
    path: Path,
    shutter: Shutter | None,
    baud: int,
    faults: LineFaults,
    target: str,
) -> AsyncIterator[Running]:
    require(QEMU, "to run the firmware's image")
    image = await asyncio.to_thread(built, target)

    def make(link: Wire, bus: Wire) -> OutsideBoard:
        return QemuBoard(link, bus, baud, image)

    line = PacedLine(baud, stream(seed, "line"), faults, UART_BYTES)
    async with _running(seed, plant, path, shutter, line, make) as running:
        yield running


@asynccontextmanager
async def _running(
    seed: int,
    plant: ConveyorSettings,
    path: Path,
    shutter: Shutter | None,
    line: PacedLine,
    make_board: MakeBoard,
) -> AsyncIterator[Running]:
    loop = asyncio.get_running_loop()
    with Wire() as link, Wire() as bus:
        board = make_board(link, bus)
        rig = WiredRig(
            Conveyor(seed, plant, shutter),
            line,
            CHANNELS,
            read_link=link.read,
            write_link=link.write,
            read_bus=bus.read,
            write_bus=bus.write,
        )
        async with PtyPort(rig, path) as port:

            def fell() -> None:
                rig.all_safe(port.now_us())

            def heard(wire: Wire) -> None:
                if wire.has_arrived():
                    port.wake()

            life = asyncio.create_task(board.live(fell), name="board")
            try:
                for wire in (link, bus):
                    loop.add_reader(wire.fd, heard, wire)
                running = Running(rig, port, board, life, (link, bus))
                await running.booted()
                yield running
            finally:
                for wire in (link, bus):
                    loop.remove_reader(wire.fd)
                life.cancel()
                await asyncio.gather(life, return_exceptions=True)
