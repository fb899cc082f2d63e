"""Is the line slower than it was? By the round trips of PINGs: the median of the last eleven against the best.

A line that takes ten times as long still works, for a while: a hub in trouble, an adapter whose latency timer was set
back, a board that is busy. What is scheduled ahead comes in time; what is answered at once comes late.
"""

from __future__ import annotations

from collections import deque
from typing import Final

LAST: Final = 11
TIMES: Final = 10
LEAST_US: Final = 15_000
"""A fast line may be ten times as slow for a while and nobody cares."""
SLOW_US: Final = 60_000
"""No line is as slow as this by itself: at 9600 baud the two frames take 50 ms."""


class Slowness:
    """The round trips of one session. `why` is "" while the line is as it should be."""

    def __init__(self) -> None:
        self._last: deque[int] = deque(maxlen=LAST)
        self._best_us: int | None = None
        self.why = ""

    def begin(self) -> None:
        """Another session: another board, or another adapter."""
        self._last.clear()
        self._best_us = None

    def exchanged(self, round_trip_us: int) -> bool:
        """Take a round trip; return whether `why` has changed between something and nothing."""
        self._last.append(round_trip_us)
        self._best_us = round_trip_us if self._best_us is None else min(self._best_us, round_trip_us)
        if len(self._last) < LAST:
            return False
        median_us, was_slow = sorted(self._last)[LAST // 2], bool(self.why)
        limit_us = min(SLOW_US, max(LEAST_US, TIMES * self._best_us))
        if median_us > (limit_us // 2 if was_slow else limit_us):
            usual = f"usual are {self._best_us / 1000:.1f} ms"
            self.why = self.why or f"the line is slow: answers take {median_us / 1000:.0f} ms, {usual}"
        else:
            self.why = ""
        return bool(self.why) != was_slow
