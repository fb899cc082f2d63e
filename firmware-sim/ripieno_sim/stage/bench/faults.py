"""Faults of a line, played on real pseudo-terminals against a host's process of its own (sufferer.py)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from ripieno_sim.line.ptys import PtyPort
from ripieno_sim.rig import Rig, conveyor_rig
from ripieno_sim.seeds import stream

from .target import STANDING

ANSWERS_S: Final = 15.0
SETTLE_S: Final = 0.5
CHUNK_S: Final = 0.001
"""A USB adapter hands over what has come once a millisecond."""
FULL_TIMES: Final = 50
OUT_S: Final = 0.3
"""How long the plug stays out."""
Show = Callable[[str], None]


class Host:
    """The host's process. Made by `host`."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def told(self, word: str) -> dict[str, Any]:
        """Tell it something and return its answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(word.encode() + b"\n")
        async with asyncio.timeout(ANSWERS_S):
            line = await self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def host(port: str, baud: int) -> AsyncIterator[Host]:
    """Run a host's process as long as the block lasts."""
    call = (sys.executable, "-m", "ripieno_sim.stage.bench.sufferer", port, "--baud", str(baud))
    process = await asyncio.create_subprocess_exec(*call, stdin=PIPE, stdout=PIPE)
    try:
        yield Host(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(3.0):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


class Plug(PtyPort):
    """A port that can be torn out, or go bad, while it is open."""

    def __init__(self, rig: Rig, path: Path) -> None:
        super().__init__(rig, path)
        self.torn: asyncio.Event | None = None
        """Set it to an event: the next bytes for the host are cut in their middle, then it is set."""
        self.is_deaf = False
        self.is_mute = False

    async def stop_reading(self) -> None:
        """Take nothing any more, and let the system's buffers be full from now on."""
        self.is_deaf = True
        self._loop.remove_reader(self._master)
        os.set_blocking(self._slave, False)
        full = 0
        while full < FULL_TIMES:  # the system moves bytes from one buffer on to the next a little later
            try:
                os.write(self._slave, bytes(64))
                full = 0
            except BlockingIOError:
                full += 1
                await asyncio.sleep(CHUNK_S)

    def bring(self, received: bytes) -> None:
        """Put bytes before the host as if the line had brought them; what finds no room is lost."""
        super()._write(received)

    def _read(self) -> bytes:
        return b"" if self.is_deaf else super()._read()

    def _write(self, arrived: bytes) -> None:
        if self.torn is not None and len(arrived) > 1:
            super()._write(arrived[: len(arrived) // 2])
            self.torn.set()
            self.is_mute = True
        elif not self.is_mute:
            super()._write(arrived)


Plays = Callable[[Host, Path, int, float], Awaitable[dict[str, Any]]]


async def quiet(told: Host, folder: Path, baud: int, seconds: float) -> dict[str, Any]:
    """Let nothing go wrong: the figures to compare with."""
    async with Plug(_rig(baud), folder / "tty-1"):
        await told.told("up")
        return await _over(told, seconds)


async def stuck(told: Host, folder: Path, baud: int, seconds: float) -> dict[str, Any]:
    """Let the other end read nothing any more, with the system's buffer full."""
    async with Plug(_rig(baud), folder / "tty-1") as plug:
        await told.told("up")
        await plug.stop_reading()
        return await _over(told, seconds)


async def flood(told: Host, folder: Path, baud: int, seconds: float) -> dict[str, Any]:
    """Let random bytes come at the line's full rate, and nothing else."""
    draw, loop = stream(1, "flood"), asyncio.get_running_loop()
    brought = 0

    async def bring(plug: Plug) -> None:
        nonlocal brought
        began_s = loop.time()
        while True:
            wanted = int((loop.time() - began_s) * baud / 10)
            plug.bring(draw.randbytes(wanted - brought))
            brought = wanted
            await asyncio.sleep(CHUNK_S)

    async with Plug(_rig(baud), folder / "tty-1") as plug:
        await told.told("up")
        plug.is_mute = True
        bringing = asyncio.create_task(bring(plug), name="flood")
        try:
            figures = await _over(told, seconds)
        finally:
            bringing.cancel()
            await asyncio.gather(bringing, return_exceptions=True)
        return {**figures, "flooded_bytes": brought, "overflowed_bytes": plug.lost_bytes}


async def unplugged(told: Host, folder: Path, baud: int, seconds: float) -> dict[str, Any]:
    """Pull the plug in the middle of a frame, and put it back under another name; again and again."""
    rig, names = _rig(baud), ("tty-1", "tty-2")
    back_ms, out_ns, times = [], [], 0
    ends_s = time.monotonic() + seconds
    await told.told("begin")
    while time.monotonic() < ends_s or times < 2:
        async with Plug(rig, folder / names[times % 2]) as plug:
            out_ns.append(time.monotonic_ns())
            await told.told("up")
            await asyncio.sleep(OUT_S)
            plug.torn = asyncio.Event()
            await plug.torn.wait()
        times += 1
        await asyncio.sleep(OUT_S)
    figures = await told.told("figures")
    for in_ns in out_ns:
        back_ms += [(up_ns - in_ns) / 1e6 for up_ns in figures["ups_ns"] if up_ns > in_ns][:1]
    return {**figures, "unplugged": times, "back_ms": {"max": round(max(back_ms), 1)} if back_ms else None}


FAULTS: Final[dict[str, Plays]] = {"quiet": quiet, "stuck": stuck, "flood": flood, "unplugged": unplugged}


async def play(folder: Path, baud: int, seconds: float, show: Show) -> dict[str, dict[str, Any]]:
    """Play every fault, each against a host of its own; return its figures by fault."""
    told = {}
    for name, fault in FAULTS.items():
        show(f"{name} for {seconds:g} s")
        place = folder / name
        place.mkdir()
        async with host(str(place / "tty-*"), baud) as one:
            figures = await fault(one, place, baud, seconds)
        del figures["ups_ns"]
        told[name] = figures
    return told


async def _over(told: Host, seconds: float) -> dict[str, Any]:
    """Return the figures of so many seconds, once what the fault begins with is over."""
    await asyncio.sleep(SETTLE_S)
    await told.told("begin")
    await asyncio.sleep(seconds)
    return await told.told("figures")


def _rig(baud: int) -> Rig:
    return conveyor_rig(0, baud=baud, plant=STANDING)
