"""How heavy workers are: one that has grown since it was loaded is replaced before the machine has no memory left.

A runtime, a codec or a driver of an accelerator that leaks a little with each picture fills a small device within a
week. What a worker weighs with its models loaded is its own business; what it gains afterwards is a leak or a cache
without a bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

GROWTH_BYTES: Final = 200_000_000
LOOK_S: Final = 2.0


class Weights:
    """What each worker weighed when it was first looked at.

    Args:
        weigh: gives the resident bytes of a process, 0 where there is none any more.
        growth_bytes: so much more is too much.
    """

    def __init__(self, weigh: Callable[[int], int], growth_bytes: int = GROWTH_BYTES) -> None:
        self._weigh, self._growth_bytes = weigh, growth_bytes
        self._first: dict[int, int] = {}

    def too_heavy(self, pids: Mapping[str, int | None]) -> dict[str, tuple[int, int]]:
        """Look at the workers, by the name of their lane; return of those that have grown too much the bytes that they
        weighed at first, and weigh now.
        """
        found = {}
        self._first = {pid: first for pid, first in self._first.items() if pid in pids.values()}
        for name, pid in pids.items():
            now = self._weigh(pid) if pid is not None else 0
            if pid is None or not now:
                continue
            first = self._first.setdefault(pid, now)
            if now - first > self._growth_bytes:
                found[name] = first, now
        return found
