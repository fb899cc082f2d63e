"""What happens when, beside what board, line and host bring forth by themselves."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Agenda:
    """Deeds at times, earliest first, in the order they were told where times are equal."""

    def __init__(self) -> None:
        self._deeds: list[tuple[int, int, Callable[[int], None]]] = []
        self._told = 0

    def at(self, at_us: int, deed: Callable[[int], None]) -> None:
        """Call `deed` with the time at `at_us`."""
        self._told += 1
        heapq.heappush(self._deeds, (at_us, self._told, deed))

    def next_us(self) -> int | None:
        """Return when the next deed is due."""
        return self._deeds[0][0] if self._deeds else None

    def advance(self, now_us: int) -> None:
        """Do what is due."""
        while self._deeds and self._deeds[0][0] <= now_us:
            heapq.heappop(self._deeds)[2](now_us)
