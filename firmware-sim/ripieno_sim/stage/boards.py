"""The simulated line of a demo in wall-clock time, with the board of choice behind its pseudo-terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from ripieno.errors import DeviceError
from ripieno_sim.board import Board
from ripieno_sim.firmware import BoardDied, BuildFailed, CBoard, ToolMissing, built, host_rig, qemu_rig
from ripieno_sim.line.ptys import PtyPort
from ripieno_sim.plant.conveyor import Conveyor, ConveyorSettings
from ripieno_sim.plant.station import Shutter
from ripieno_sim.rig import conveyor_rig

from .scene import BAUD, BOARD, Settings


@dataclass(frozen=True, slots=True)
class Line:
    """A line that runs: its plant, how to start the belt, and how to wait until the last part has left."""

    plant: Conveyor
    start: Callable[[], None]
    finished: Callable[[], Awaitable[None]]


@asynccontextmanager
async def line(settings: Settings, path: Path, shutter: Shutter) -> AsyncIterator[Line]:
    """Run the line as long as the block lasts; the host finds its port at `path`.

    Raises:
        DeviceError: the firmware cannot be built or does not run here; the message says what to install.
    """
    plant = ConveyorSettings(parts=settings.parts, camera_mm=settings.camera_mm, starts_us=None)
    if settings.board == "python":
        rig = conveyor_rig(settings.seed, baud=BAUD, board=BOARD, plant=plant, shutter=shutter)
        async with PtyPort(rig, path) as port:

            def start() -> None:
                rig.plant.start(port.now_us())
                port.wake()

            yield Line(rig.plant, start, port.finished)
        return
    run = host_rig if settings.board == "host" else qemu_rig
    try:
        async with run(settings.seed, plant, path, shutter, baud=BAUD) as running:
            yield Line(running.plant, running.start, running.finished)
    except (ToolMissing, BuildFailed, BoardDied, TimeoutError) as error:
        raise DeviceError(f"board {settings.board}: {error or 'it does not answer'}") from error


def in_virtual_time(board: str) -> type[Board] | None:
    """Return the class of the board that runs in virtual time; None: the usual one.

    Raises:
        DeviceError: the firmware cannot be built here; the message says what to install.
    """
    if board == "python":
        return None
    try:
        built("virtual")
    except (ToolMissing, BuildFailed) as error:
        raise DeviceError(f"board {board}: {error}") from error
    return cast(type[Board], CBoard)  # it has the same interface
