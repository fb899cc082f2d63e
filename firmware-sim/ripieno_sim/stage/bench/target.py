"""The board's process: `python -m ripieno_sim.stage.bench.target PATH --target pty --baud 115200`.

It says what happens, one JSON object a line, times in ns of the monotonic clock, and obeys lines of standard input:

    reset           reset the board, warm          -> {"was_reset": ns}
    cut, mend       the line to the board          -> {"was_cut": ns}
    silence, mend   both directions                -> {"was_cut": ns}
    count           bytes that were lost so far    -> {"lost": bytes}
    end
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import uvloop

from ripieno_sim.codec import Cause
from ripieno_sim.firmware import BuildFailed, ToolMissing
from ripieno_sim.firmware.outside.host import BoardDied
from ripieno_sim.firmware.outside.running import Running, host_rig, qemu_rig
from ripieno_sim.line import TO_BOARD, TO_HOST, PacedLine
from ripieno_sim.line.ptys import PtyPort
from ripieno_sim.plant import Conveyor, ConveyorSettings
from ripieno_sim.rig import Rig, conveyor_rig

STANDING: Final = ConveyorSettings(parts=1, starts_us=None)
"""Belt and parts stand still: nothing but the link has work to do."""
Told = Callable[[int, int, int | None, int], None]
"""Hears channel, value, command id (None: no ACT is the reason) and the rig's time in us."""


class Target(Protocol):
    """A board behind a pseudo-terminal."""

    @property
    def port(self) -> PtyPort:
        """The terminal."""

    @property
    def line(self) -> PacedLine:
        """The line."""

    @property
    def lost_bytes(self) -> int:
        """Bytes that found no room between line and board."""

    async def reset(self) -> None:
        """Reset the board, warm."""


@dataclass(frozen=True, slots=True)
class PythonTarget:
    """The Python board."""

    rig: Rig
    port: PtyPort

    @property
    def line(self) -> PacedLine:
        """The line."""
        return self.rig.line

    @property
    def lost_bytes(self) -> int:
        """None: there is nothing between."""
        return 0

    async def reset(self) -> None:
        """Reset the board, warm."""
        self.rig.board.reset(self.port.now_us(), Cause.PIN, keep_ram=True)
        self.port.wake()


@dataclass(frozen=True, slots=True)
class FirmwareTarget:
    """The firmware, as a process or in QEMU."""

    running: Running

    @property
    def port(self) -> PtyPort:
        """The terminal."""
        return self.running.port

    @property
    def line(self) -> PacedLine:
        """The line."""
        return self.running.rig.line

    @property
    def lost_bytes(self) -> int:
        """Bytes that found no room on the two wires."""
        return self.running.lost_bytes

    async def reset(self) -> None:
        """Reset the board, warm."""
        await self.running.board.reset(keep_ram=True)


@asynccontextmanager
async def _python(path: Path, baud: int, told: Told) -> AsyncIterator[Target]:
    rig = conveyor_rig(0, baud=baud, plant=STANDING)
    _witness(rig.plant, told)
    async with PtyPort(rig, path) as port:
        yield PythonTarget(rig, port)


@asynccontextmanager
async def _process(path: Path, baud: int, told: Told) -> AsyncIterator[Target]:
    async with host_rig(0, STANDING, path, baud=baud) as running:
        _witness(running.plant, told)
        yield FirmwareTarget(running)


@asynccontextmanager
async def _qemu(path: Path, baud: int, told: Told) -> AsyncIterator[Target]:
    async with qemu_rig(0, STANDING, path, baud=baud) as running:
        _witness(running.plant, told)
        yield FirmwareTarget(running)


def _witness(plant: Conveyor, told: Told) -> None:
    """Let `told` hear of every output before the plant does."""
    moves = plant.output

    def output(channel: int, value: int, cmd_id: int | None, t_us: int) -> None:
        told(channel, value, cmd_id, t_us)
        moves(channel, value, cmd_id, t_us)

    plant.output = output  # type: ignore[method-assign]  # of this one plant


Opens = Callable[[Path, int, Told], AbstractAsyncContextManager[Target]]
TARGETS: Final[dict[str, Opens]] = {"pty": _python, "host": _process, "qemu": _qemu}


async def _serve(arguments: argparse.Namespace) -> None:
    noted: list[tuple[int, int, int | None, int]] = []
    loop = asyncio.get_running_loop()
    opened: list[Target] = []

    def told(channel: int, value: int, cmd_id: int | None, t_us: int) -> None:
        noted.append((channel, value, cmd_id, t_us))
        loop.call_soon(flush)  # not in the board's own time

    def flush() -> None:
        for channel, value, cmd_id, t_us in noted:
            _say({"output": [channel, value, cmd_id, at_ns(t_us)]})
        noted.clear()

    def at_ns(t_us: int) -> int:
        return time.monotonic_ns() - (opened[0].port.now_us() - t_us) * 1000

    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    async with TARGETS[arguments.target](arguments.path, arguments.baud, told) as target:
        opened.append(target)
        _say({"ready": True})
        while (word := (await commands.readline()).decode().strip()) not in ("end", ""):
            await _obey(word, target)


async def _obey(word: str, target: Target) -> None:
    target.port.wake()
    now_ns = time.monotonic_ns()
    if word == "reset":
        await target.reset()
        _say({"was_reset": now_ns})
    elif word == "count":
        _say(
            {"lost": target.lost_bytes + target.port.lost_bytes + sum(map(target.line.lost_bytes, (TO_BOARD, TO_HOST)))}
        )
    else:
        ways = {"cut": (TO_BOARD,), "silence": (TO_BOARD, TO_HOST), "mend": (TO_BOARD, TO_HOST)}[word]
        for way in ways:
            target.line.cut(way, word != "mend")
        _say({"was_cut": now_ns})


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run one target until it is told to end or its starter is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--target", choices=list(TARGETS), required=True)
    parser.add_argument("--baud", type=int, required=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_serve(parser.parse_args()))
        except (ToolMissing, BuildFailed, BoardDied) as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
