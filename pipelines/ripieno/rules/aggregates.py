"""Streaming aggregates over a window of samples or of time, with durable state and bounded memory.

A window in samples holds the last n, known or not. A window in time holds the samples taken after t - last,
MAX_SAMPLES of them at most: where more come, it is the last MAX_SAMPLES. The value is unknown while fewer than
`min_samples` of them are known.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from ripieno.plan import Aggregate
from ripieno.values import UNKNOWN

MAX_SAMPLES = 4_096


class Accumulator:
    """One aggregate. share, count, rate cost O(1); mean, min, max go over the window once a change.

    `next_change_ns()` says when time alone will change it.
    """

    def __init__(self, plan: Aggregate) -> None:
        self._plan = plan
        self._most = min(plan.last_samples or MAX_SAMPLES, MAX_SAMPLES)
        self._last_ns = plan.last_ns
        self._samples: deque[tuple[int, Any]] = deque()
        self._known = 0
        self._true = 0
        self._fresh: Any = None  # the value, while no sample came or went

    def add(self, t_ns: int, value: Any) -> None:
        """Take a sample. A time before the last sample's counts as that."""
        if self._samples and t_ns < self._samples[-1][0]:
            t_ns = self._samples[-1][0]
        self._samples.append((t_ns, value))
        if value is not UNKNOWN:
            self._known += 1
            self._true += value is True
        self._fresh = None
        if len(self._samples) > self._most:
            self._drop()
        self._expire(t_ns)

    def value(self, t_ns: int) -> Any:
        """Return the value at this time, or UNKNOWN."""
        self._expire(t_ns)
        if self._fresh is None:
            self._fresh = self._compute()
        return self._fresh

    def next_change_ns(self) -> int | None:
        """Return when the oldest sample leaves the window, None where samples leave only for others."""
        return self._samples[0][0] + self._last_ns if self._last_ns and self._samples else None

    def state(self) -> list[Any]:
        """Return what a snapshot keeps: pairs of time and value, unknown as None."""
        return [[t_ns, None if value is UNKNOWN else value] for t_ns, value in self._samples]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned; of more samples than the window has, the last ones."""
        self._samples.clear()
        self._known = self._true = 0
        for t_ns, value in state:
            self.add(t_ns, UNKNOWN if value is None else value)
        self._fresh = None

    def _expire(self, t_ns: int) -> None:
        if self._last_ns:
            edge_ns = t_ns - self._last_ns
            while self._samples and self._samples[0][0] <= edge_ns:
                self._drop()

    def _drop(self) -> None:
        _, value = self._samples.popleft()
        self._fresh = None
        if value is not UNKNOWN:
            self._known -= 1
            self._true -= value is True

    def _compute(self) -> Any:
        function = self._plan.function
        if self._known < max(self._plan.min_samples, 1 if function not in ("count", "rate") else 0):
            return UNKNOWN
        if function == "share":
            return self._true / self._known
        if function == "count":
            return float(self._true)
        if function == "rate":
            return self._true * 1e9 / self._last_ns if self._last_ns else UNKNOWN
        known = [value for _, value in self._samples if value is not UNKNOWN]
        if function == "mean":
            return _mean(known)
        return float(min(known) if function == "min" else max(known))


def _mean(known: list[float]) -> Any:
    """Return the exact sum divided by the count: no error grows with the samples that have come and gone."""
    try:
        return math.fsum(known) / len(known)
    except OverflowError:
        return UNKNOWN
