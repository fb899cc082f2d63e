"""How much faster or slower the board's crystal runs than the host's; docs/link-protocol.md section 6.

The best exchange of each second is a point (host time, offset); a line through the points of the last half minute is
the rate. What a round trip took longer than the best one may lie wholly on one of its ways, so it is that point's
error; half of the best round trip is common to all of them and no error of the rate.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

UNKNOWN: Final = 250e-6
"""Two crystals of a microcontroller and a PC are together at most so far apart, over temperature and age."""
CHANGES: Final = 2e-6
"""How far a rate that has been measured may be off a little later: temperature."""
SECOND_US: Final = 1_000_000
POINTS: Final = 30
ENOUGH: Final = 5
GRAIN_US: Final = 20
"""What reading and stamping add to the error of a point."""


class _Point(NamedTuple):
    round_trip_us: int
    middle_us: int
    offset_us: int


class Drift:
    """`rate`: board us gained per host us; `error`: it is off by at most that."""

    def __init__(self) -> None:
        self._points: deque[_Point] = deque(maxlen=POINTS)
        self.rate = 0.0
        self.error = UNKNOWN

    def forget(self) -> None:
        """Another board: nothing is known of its crystal."""
        self._points.clear()
        self.rate, self.error = 0.0, UNKNOWN

    def another_clock(self) -> None:
        """The same board's clock began anew: its rate stays, the points are void."""
        self._points.clear()

    def exchanged(self, round_trip_us: int, middle_us: int, offset_us: int) -> None:
        """Take an exchange; a new second fits the line anew."""
        point, last = _Point(round_trip_us, middle_us, offset_us), self._points[-1] if self._points else None
        if last is not None and middle_us // SECOND_US == last.middle_us // SECOND_US:
            if round_trip_us < last.round_trip_us:
                self._points[-1] = point
            return
        if len(self._points) >= ENOUGH:
            self._fit()
        self._points.append(point)

    def _fit(self) -> None:
        """Weighted least squares; a point weighs by the inverse square of its error."""
        points = self._points
        best_us = min(point.round_trip_us for point in points)
        origin = points[0]
        weights = total = mean_t = mean_o = 0.0
        rows = []
        for point in points:
            error_us = (point.round_trip_us - best_us) / 2 + GRAIN_US
            weight = 1 / (error_us * error_us)
            at_us, offset_us = point.middle_us - origin.middle_us, point.offset_us - origin.offset_us
            rows.append((weight, at_us, offset_us, error_us))
            weights += weight
            mean_t += weight * at_us
            mean_o += weight * offset_us
        mean_t, mean_o = mean_t / weights, mean_o / weights
        slope = noise = 0.0
        for weight, at_us, offset_us, error_us in rows:
            ahead_us = at_us - mean_t
            total += weight * ahead_us * ahead_us
            slope += weight * ahead_us * (offset_us - mean_o)
            noise += abs(weight * ahead_us) * error_us
        if total and abs(slope / total) <= UNKNOWN:
            self.rate = slope / total
            self.error = min(noise / total + CHANGES, UNKNOWN)  # every point wrong by its error, all the worst way
