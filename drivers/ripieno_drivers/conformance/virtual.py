"""An asyncio loop whose clock jumps to the next timer, and which notes how long each of its turns held it up."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from .stopwatch import Moment, Stopwatch

START_S = 1000.0


class _Selector(selectors.DefaultSelector):
    jumped_s = 0.0
    turns = 0
    longest_ns = 0
    unwatched = 0

    def __init__(self, stopwatch: Stopwatch) -> None:
        super().__init__()
        self._stopwatch = stopwatch
        self._began: Moment | None = None

    def select(self, timeout: float | None = None) -> list[Any]:
        self.note()
        self.turns += 1
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("every task waits, and no timer is set: in real life this would hang")
        if not ready and timeout:
            self.jumped_s += timeout
        self.begin()
        return ready

    def begin(self) -> None:
        self._began = None if self.unwatched else self._stopwatch.now()

    def note(self) -> None:
        if self._began is not None:
            held_up_ns = self._stopwatch.held_up_ns(self._began, self._stopwatch.now())
            self.longest_ns = max(self.longest_ns, held_up_ns)
        self._began = None


class VirtualLoop(asyncio.SelectorEventLoop):
    """`longest_turn_s`: the longest time by which one turn held up everything else."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._virtual = _Selector(stopwatch)
        super().__init__(self._virtual)

    @property
    def longest_turn_s(self) -> float:
        return self._virtual.longest_ns / 1e9

    def time(self) -> float:
        return START_S + self._virtual.jumped_s

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """What is done inside is the kit's own work: it counts for no turn."""
        self._virtual.note()
        self._virtual.unwatched += 1
        try:
            yield
        finally:
            self._virtual.unwatched -= 1
            self._virtual.begin()


def unwatched() -> AbstractContextManager[None]:
    """Return the running loop's `unwatched`; nothing is watched on another loop."""
    loop = asyncio.get_running_loop()
    return loop.unwatched() if isinstance(loop, VirtualLoop) else nullcontext()


class LoopClock:
    """The running loop's time as a `Clock`."""

    def monotonic_ns(self) -> int:
        return round(asyncio.get_running_loop().time() * 1e9)

    def wall_ns(self) -> int:
        return 1_700_000_000_000_000_000 + self.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
