"""What is wrong with a picture, as far as the picture itself tells: its size, its light, and that it is the same again.

Dark and over-exposed must be so for DOUBTFUL pictures in a row: a part that passes close to the lens is no fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ripieno.values import Health

DOUBTFUL: Final = 3
GRID: Final = 8  # light is judged on every 8th pixel of every 8th row
DARK_SHARE: Final = 0.99
BRIGHT_SHARE: Final = 0.80


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken as bad. `width_px`, `height_px`: 0 for any; `dark`: level (0: none is), `bright`: level (256: none
    is); `frozen_ns`: for how long the same picture may come, 0 for ever.
    """

    width_px: int = 0
    height_px: int = 0
    dark: int = 20
    bright: int = 250
    frozen_ns: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """`why` is what a person reads; `still_ns`: since when the same picture comes."""

    health: Health
    why: str
    still_ns: int


class Judge:
    """Looks at each picture of one source, in order; remembers the last one."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._last: NDArray[np.uint8] | None = None
        self._since_ns = 0
        self._doubts: tuple[Health, int] = (Health.GOOD, 0)

    def look(self, picture: NDArray[np.uint8], now_ns: int) -> Judgement:
        """Return what is wrong with a picture of shape (height, width, 3); it must not be changed afterwards."""
        still_ns = self._still_ns(picture, now_ns)
        height, width = picture.shape[:2]
        limits = self._limits
        if limits.width_px and (width, height) != (limits.width_px, limits.height_px):
            why = f"the picture has {width} x {height} pixels, {limits.width_px} x {limits.height_px} were expected"
            return Judgement(Health.WRONG_SIZE, why, still_ns)
        health, why = self._light(picture)
        if health is not Health.GOOD:
            return Judgement(health, why, still_ns)
        if limits.frozen_ns and still_ns >= limits.frozen_ns:
            return Judgement(Health.FROZEN, f"the same picture has been coming for {still_ns / 1e9:.1f} s", still_ns)
        return Judgement(Health.GOOD, "", still_ns)

    def _still_ns(self, picture: NDArray[np.uint8], now_ns: int) -> int:
        last, self._last = self._last, picture
        if last is None or not _same(last, picture):
            self._since_ns = now_ns
        return now_ns - self._since_ns

    def _light(self, picture: NDArray[np.uint8]) -> tuple[Health, str]:
        health, why = _light_of(picture, self._limits)
        before, times = self._doubts
        self._doubts = (health, times + 1 if health is before else 1)
        return (health, why) if self._doubts[1] >= DOUBTFUL else (Health.GOOD, "")


def _same(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """The grid first: it tells most pictures apart for a hundredth of the cost."""
    if one.shape != other.shape or not np.array_equal(one[::GRID, ::GRID], other[::GRID, ::GRID]):
        return False
    return bool(np.array_equal(one, other))


def _light_of(picture: NDArray[np.uint8], limits: Limits) -> tuple[Health, str]:
    grid: NDArray[Any] = picture[::GRID, ::GRID]
    brightest, darkest = grid.max(axis=2), grid.min(axis=2)
    dark = float((brightest < limits.dark).mean())
    if dark >= DARK_SHARE:
        return Health.DARK, f"{dark * 100:.0f} % of the picture is darker than level {limits.dark}"
    bright = float((darkest >= limits.bright).mean())
    if bright >= BRIGHT_SHARE:
        return Health.OVER_EXPOSED, f"{bright * 100:.0f} % of the picture is at level {limits.bright} or above"
    return Health.GOOD, ""
