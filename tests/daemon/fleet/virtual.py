"""An asyncio loop whose time jumps to the next timer, and the clock, entropy and disk that go with it."""

from __future__ import annotations

import asyncio
import hashlib
import selectors
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from ripieno_daemon.ports import InlineStorage

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    """Waits for nothing: when the loop would wait for `timeout`, that time has passed."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is not None:
            self.now_s += max(timeout, 0.0)
        assert ready or timeout is not None, "every task waits and no timer is set"
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is the selector's."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


class VirtualClock:
    """The Clock port on the virtual loop."""

    def monotonic_ns(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e9)

    def wall_ns(self) -> int:
        return 1_700_000_000_000_000_000 + self.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SeededEntropy:
    """The Entropy port: bytes that follow from the seed."""

    def __init__(self, seed: int) -> None:
        self._seed, self._count = seed, 0

    def token(self, size: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(f"{self._seed} {self._count}".encode()).digest(size)


def storage(folder: Path) -> InlineStorage:
    """A disk that takes 2 ms for everything."""
    return InlineStorage(folder, VirtualClock(), lambda _name: 0.002)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
