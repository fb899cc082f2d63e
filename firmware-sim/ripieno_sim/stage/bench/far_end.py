"""The board's process, seen from the host's: what it says, and how it is told what to do."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ripieno.errors import DeviceError

START_S = 30.0
"""QEMU takes some seconds to start on a slow machine, the first build of the firmware more."""


class FarEnd:
    """Made by `far_end`. Times are ns of the monotonic clock."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._outputs: dict[int, asyncio.Future[int]] = {}
        self._fell: asyncio.Future[int] | None = None
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue(16)

    async def listen(self) -> None:
        """Take what the process says until it ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "output" in said:
                self._output(*said["output"])
            else:
                self._answers.put_nowait(said)
        self._answers.put_nowait({"ended": True})

    async def says(self) -> dict[str, Any]:
        """Return its next answer.

        Raises:
            DeviceError: the process has ended.
        """
        said = await self._answers.get()
        if "ended" in said:
            assert self._process.stderr is not None
            words = (await self._process.stderr.read()).decode(errors="replace").strip().splitlines()
            raise DeviceError(words[-1] if words else "the board's process ended without a word")
        return said

    async def told(self, word: str) -> dict[str, Any]:
        """Tell it something and return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")
        return await self.says()

    async def pin_ns(self, cmd_id: int) -> int:
        """Return when a command's output changed, also if it has already."""
        return await self._of(cmd_id)

    def falls(self) -> asyncio.Future[int]:
        """Return when some output next goes back without a command."""
        self._fell = asyncio.get_running_loop().create_future()
        return self._fell

    def _of(self, cmd_id: int) -> asyncio.Future[int]:
        if cmd_id not in self._outputs:
            self._outputs[cmd_id] = asyncio.get_running_loop().create_future()
        return self._outputs[cmd_id]

    def _output(self, channel: int, value: int, cmd_id: int | None, at_ns: int) -> None:
        if cmd_id is not None:
            pinned = self._of(cmd_id)
            if not pinned.done():
                pinned.set_result(at_ns)
        elif self._fell is not None and not self._fell.done():
            self._fell.set_result(at_ns)


@asynccontextmanager
async def far_end(target: str, path: Path, baud: int) -> AsyncIterator[FarEnd]:
    """Run a board's process as long as the block lasts."""
    call = (sys.executable, "-m", "ripieno_sim.stage.bench.target", str(path), "--target", target, "--baud", str(baud))
    process = await asyncio.create_subprocess_exec(*call, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    end = FarEnd(process)
    listening = asyncio.create_task(end.listen(), name="far end")
    try:
        async with asyncio.timeout(START_S):
            await end.says()
        yield end
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(3.0):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await listening
