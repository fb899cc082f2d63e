"""Features of a reading over a window of time: what a model of signals is given.

mean   sum x / n               min, max, range (max - min), last
rms    sqrt(sum x^2 / n)       deviation  sqrt(sum (x - mean)^2 / n), of the population
slope  least squares of x over t, per second
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from ripieno.plan import InputPlan, WindowStep

MAX_SAMPLES = 16_384  # of one window; where more come, the last ones count

Samples = Sequence[tuple[int, float]]


class Window:
    """The samples of one window step. Memory: at most MAX_SAMPLES samples."""

    def __init__(self, step: WindowStep, input: InputPlan) -> None:
        self.step = step
        self._names = [name for name, _ in input.fields]
        self._samples: deque[tuple[int, tuple[float | None, ...]]] = deque(maxlen=MAX_SAMPLES)
        self._due_t: int | None = None

    def add(self, taken_t: int, fields: dict[str, object] | None) -> bool:
        """Take a reading (None: it is no evidence); return whether a new set of features is due."""
        known = fields or {}
        self._samples.append((taken_t, tuple(known.get(name) for name in self._names)))  # type: ignore[misc]
        while self._samples[0][0] <= taken_t - self.step.last_ns:
            self._samples.popleft()
        if self._due_t is None:
            self._due_t = taken_t + self.step.every_ns
        if taken_t < self._due_t:
            return False
        behind = (taken_t - self._due_t) // self.step.every_ns + 1
        self._due_t += behind * self.step.every_ns
        return True

    def features(self) -> dict[str, object]:
        """Return the features; one is absent where fewer than `min_samples` of its field are known."""
        found: dict[str, object] = {}
        for feature in self.step.features:
            at = self._names.index(feature.field)
            known = [(t, value) for t, values in self._samples if (value := values[at]) is not None]
            if len(known) >= max(self.step.min_samples, 1):
                value = _FEATURES[feature.function](known)
                if value is not None and math.isfinite(value):
                    found[feature.name] = value
        return found

    def state(self) -> list[Any]:
        """Return what a snapshot keeps."""
        return [self._due_t, [[t, list(values)] for t, values in self._samples]]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned."""
        self._due_t, samples = state
        self._samples = deque(((t, tuple(values)) for t, values in samples), maxlen=MAX_SAMPLES)


def _mean(samples: Samples) -> float:
    return math.fsum(value for _, value in samples) / len(samples)


def _deviation(samples: Samples) -> float:
    mean = _mean(samples)
    return math.sqrt(math.fsum((value - mean) ** 2 for _, value in samples) / len(samples))


def _slope(samples: Samples) -> float | None:
    begin = samples[0][0]
    seconds = [(t - begin) / 1e9 for t, _ in samples]
    middle, mean = math.fsum(seconds) / len(samples), _mean(samples)
    spread = math.fsum((s - middle) ** 2 for s in seconds)
    if spread == 0.0:
        return None
    return math.fsum((s - middle) * (value - mean) for s, (_, value) in zip(seconds, samples, strict=True)) / spread


_FEATURES: dict[str, Callable[[Samples], float | None]] = {
    "last": lambda samples: samples[-1][1],
    "mean": _mean,
    "min": lambda samples: min(value for _, value in samples),
    "max": lambda samples: max(value for _, value in samples),
    "range": lambda samples: max(value for _, value in samples) - min(value for _, value in samples),
    "rms": lambda samples: math.sqrt(math.fsum(value * value for _, value in samples) / len(samples)),
    "deviation": _deviation,
    "slope": _slope,
}
