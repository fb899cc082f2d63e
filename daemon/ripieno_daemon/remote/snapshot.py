"""The order `snapshot`: the next picture of a camera, made small in a process of its own.

    snapshot {input: NAME} -> {input, sequence, is_new, jpeg, width_px, height_px, of: [width, height]}

A picture in shared memory is held until it was read. Where none comes soon (a belt that stands still) it is the last
one, as long as its camera has not written over it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgpack

from ripieno.contracts.ports import Clock
from ripieno.errors import RipienoError

from ..conducting.frames import Frames, Kept
from ..orders.executors import NotDone

MOST_BYTES: Final = 190_000  # of the picture: with the rest of the answer it stays below 200 kB
WAITS_S: Final = 3.0
LONGEST_S: Final = 15.0
LAST_WORDS: Final = 300


class Snapshot:
    """Does `snapshot`.

    Args:
        inputs: the frame inputs of the plan.
        frames: those of the line that runs.
        niced: what is put before the process that makes it small, so that the line comes first.
    """

    def __init__(
        self, inputs: Sequence[str], frames: Callable[[], Frames], clock: Clock, niced: Sequence[str] = ("nice",)
    ) -> None:
        self._inputs, self._frames, self._clock, self._niced = tuple(inputs), frames, clock, tuple(niced)

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        """Raises NotDone: no such input, or no picture yet. RipienoError: the picture cannot be read."""
        name = args["input"]
        if name not in self._inputs:
            there = ", ".join(self._inputs) or "none"
            raise NotDone("input", f"there is no input {name[:60]!r} with pictures; there are {there}")
        frames = self._frames()
        kept = await self._next(frames, name)
        try:
            picture = await self._small(kept.ref)
        finally:
            if kept.is_held:
                frames.done(name, kept.sequence)
        return {"input": name, "sequence": kept.sequence, "is_new": kept.is_held, **picture}

    async def _next(self, frames: Frames, name: str) -> Kept:
        coming = asyncio.ensure_future(frames.next(name))
        pause = asyncio.ensure_future(self._clock.sleep(WAITS_S))
        try:
            await asyncio.wait({coming, pause}, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                return coming.result()
        except asyncio.CancelledError:
            if coming.done():
                frames.done(name, coming.result().sequence)
            raise
        finally:
            pause.cancel()
            coming.cancel()
        last = frames.last(name)
        if last is None:
            raise NotDone("no-picture", f"no picture of {name} has come since this daemon started")
        return last

    async def _small(self, ref: str) -> dict[str, Any]:
        child = await asyncio.create_subprocess_exec(
            *self._niced,
            sys.executable,
            "-m",
            "ripieno_daemon.workers.glance",
            ref,
            str(MOST_BYTES),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(LONGEST_S):
                written, said = await child.communicate()
        except TimeoutError:
            raise RipienoError(f"the picture was not read within {LONGEST_S:g} s") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode:
            words = " ".join(said.decode(errors="replace").split())[-LAST_WORDS:]
            raise RipienoError(f"the picture cannot be shown: {words or f'status {child.returncode}'}")
        told: dict[str, Any] = msgpack.unpackb(written, raw=False)
        return told
