"""An asyncio loop whose clock jumps to the next timer, and which notes how long each of its turns really took."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

from .stopwatch import Stopwatch

START_S = 1000.0


class _Selector(selectors.DefaultSelector):
    jumped_s = 0.0
    turns = 0
    longest_ns = 0

    def __init__(self, stopwatch: Stopwatch) -> None:
        super().__init__()
        self._stopwatch = stopwatch
        self._began_ns = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        if self._began_ns:
            self.turns += 1
            self.longest_ns = max(self.longest_ns, self._stopwatch.now_ns() - self._began_ns)
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("every task waits, and no timer is set: in real life this would hang")
        if not ready and timeout:
            self.jumped_s += timeout
        self._began_ns = self._stopwatch.now_ns()
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`longest_turn_s`: the longest time in which nothing else could run."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._virtual = _Selector(stopwatch)
        super().__init__(self._virtual)

    @property
    def longest_turn_s(self) -> float:
        return self._virtual.longest_ns / 1e9

    def time(self) -> float:
        return START_S + self._virtual.jumped_s


class LoopClock:
    """The running loop's time as a `Clock`."""

    def monotonic_ns(self) -> int:
        return round(asyncio.get_running_loop().time() * 1e9)

    def wall_ns(self) -> int:
        return 1_700_000_000_000_000_000 + self.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
