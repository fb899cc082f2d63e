"""The extruder: how wide part n comes out, and how its flow follows the setpoint.

    width(n) = flow * drift(n) * (1 + noise(n))
    drift: 0.80 at part 0, straight to 1.45 at part 300, from there 1.45 with a slow sine of +-0.05
    flow:  the setpoint after a dead time, through a first-order lag, both drawn once from the seed

Drift and noise belong to the part's number alone, not to time or flow: so a run without control meets the same ones.
"""

import math
import random

from ripieno_sim.seeds import stream

__all__ = ["Extruder", "drift", "run_without_control", "uncorrected_error"]

DRIFT_FROM, DRIFT_TO, DRIFT_PARTS = 0.80, 1.45, 300
SWING, SWING_PARTS = 0.05, 400
NOISE_SIGMA = 0.015
DEAD_TIME_US = (40_000, 120_000)
LAG_US = (60_000, 200_000)


def drift(index: int) -> float:
    """Return the width that part `index` would have at flow 1 without noise."""
    if index <= DRIFT_PARTS:
        return DRIFT_FROM + (DRIFT_TO - DRIFT_FROM) * index / DRIFT_PARTS
    return DRIFT_TO + SWING * math.sin(2 * math.pi * (index - DRIFT_PARTS) / SWING_PARTS)


class Extruder:
    """One extruder; `seed` is the run's."""

    def __init__(self, seed: int) -> None:
        draw = stream(seed, "extruder")
        self.dead_time_us = draw.randint(*DEAD_TIME_US)
        self.lag_us = draw.randint(*LAG_US)
        self._noise_draw: random.Random = stream(seed, "extruder/noise")
        self._noise: list[float] = []
        self._flow = 1.0  # what left the lag at _since_us
        self._since_us = 0
        self._goal = 1.0
        self._coming: list[tuple[int, float]] = []

    def width(self, index: int, flow: float) -> float:
        """Return the width ratio of part `index` laid at a flow factor."""
        while len(self._noise) <= index:
            self._noise.append(self._noise_draw.gauss(0.0, NOISE_SIGMA))
        return flow * drift(index) * (1.0 + self._noise[index])

    def set_flow(self, factor: float, now_us: int) -> None:
        """Change the setpoint."""
        wanted = self._coming[-1][1] if self._coming else self._goal
        if factor != wanted:
            self._coming.append((now_us + self.dead_time_us, factor))

    def flow_at(self, now_us: int) -> float:
        """Return the flow factor in force; times never fall."""
        while self._coming and self._coming[0][0] <= now_us:
            at_us, goal = self._coming.pop(0)
            self._flow, self._since_us, self._goal = self._lagged(at_us), at_us, goal
        return self._lagged(now_us)

    def _lagged(self, now_us: int) -> float:
        return self._goal + (self._flow - self._goal) * math.exp((self._since_us - now_us) / self.lag_us)


def run_without_control(seed: int, parts: int) -> list[float]:
    """Return the widths of a run whose flow is never touched."""
    extruder = Extruder(seed)
    return [extruder.width(index, 1.0) for index in range(parts)]


def uncorrected_error(seed: int, parts: int) -> list[float]:
    """Return the errors |width - 1| of a run whose flow is never touched."""
    return [abs(width - 1.0) for width in run_without_control(seed, parts)]
