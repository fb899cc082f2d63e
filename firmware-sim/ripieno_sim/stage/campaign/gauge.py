"""A pressure sensor that prints a number on its line now and then: around 130 bar, with excursions either way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ripieno_sim.seeds import stream

from ..loop import VirtualLoop

USUAL_BAR: Final = 130.0
EXCURSIONS_BAR: Final = (95.0, 105.0, 155.0, 160.0, 185.0)
QUIET_S, AWAY_S = 25.0, 14.0  # how long it stays near and away from the usual, on the mean
GARBLED: Final = (
    b"1\xff\xfe.3\r\n",
    b"n/a\r\n",
    b"nan\r\n",
    b"inf\r\n",
    b"\r\n",
    b"-12.0\r\n",
    b"4000.0\r\n",
    b"12,3,4;\r\n",
)


class Gauge:
    """Prints every `every_s`, to `take` while somebody listens."""

    def __init__(self, seed: int, loop: VirtualLoop, every_s: float, garbled: float) -> None:
        self.take: Callable[[bytes], None] | None = None
        self.is_silent = self.is_stuck = False
        self._loop, self._every_s, self._garbled = loop, every_s, garbled
        self._draw = stream(seed, "gauge")
        self._goal_bar, self._bar = USUAL_BAR, USUAL_BAR
        self._until_s = loop.time()
        self._printed = b""
        self._timer = loop.call_later(every_s, self._print)

    def stop(self) -> None:
        """Print no more."""
        self._timer.cancel()

    def _print(self) -> None:
        self._timer = self._loop.call_later(self._every_s, self._print)
        draw, now_s = self._draw, self._loop.time()
        if now_s >= self._until_s:
            away = self._goal_bar == USUAL_BAR
            self._goal_bar = draw.choice(EXCURSIONS_BAR) if away else USUAL_BAR
            self._until_s = now_s + draw.expovariate(1 / (AWAY_S if away else QUIET_S))
        self._bar += 0.7 * (self._goal_bar - self._bar) + draw.gauss(0.0, 1.0)
        garbled, which = draw.random() < self._garbled, draw.choice(GARBLED)
        if not self.is_stuck or not self._printed:
            self._printed = b"%.2f\r\n" % self._bar
        if self.take is not None and not self.is_silent:
            self.take(which if garbled else self._printed)
