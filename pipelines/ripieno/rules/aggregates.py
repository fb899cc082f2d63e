"""Streaming aggregates over a window of samples or of time, with durable state and bounded memory.

A window in samples holds the last n, known or not. A window in time holds the samples taken after t - last,
MAX_SAMPLES of them at most: where more come, it is the last MAX_SAMPLES. The value is unknown while fewer than
`min_samples` of them are known. A number that is not finite is an unknown sample.

`since` has no window: it is the time since the last sample that was true, and unknown before the first. A condition
that is sampled no more was not seen to be true: its `since` grows while nothing comes.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from ripieno.plan import Aggregate
from ripieno.values import UNKNOWN

from .kleene import LARGEST
from .measures import Measure, measure_of

MAX_SAMPLES = 4_096


class Accumulator:
    """One aggregate; `measures.py` says what each function costs. Nobody looks at a later time than the next sample's.

    Raises:
        ValueError: the plan names a function that is none.
    """

    def __init__(self, plan: Aggregate) -> None:
        self.is_since = plan.function == "since"
        self._plan = plan
        self._most = 1 if self.is_since else min(plan.last_samples or MAX_SAMPLES, MAX_SAMPLES)
        self._last_ns = 0 if self.is_since else plan.last_ns
        # With none known, a share or a mean says nothing; a count or a rate of none is 0 where the plan wants that.
        self._least = 1 if self.is_since else max(plan.min_samples, 0 if plan.function in ("count", "rate") else 1)
        self._measure: Measure
        self._times: deque[int]
        self._values: deque[Any]
        self._known: deque[int]  # times of the known ones
        self._left: list[tuple[int, Any]]  # what left since the last sample came, for the snapshot
        self._came_ns: int
        self._fresh: Any  # the value, while no sample came or went; None: to be computed
        self._clear()

    @property
    def last_true_ns(self) -> int | None:
        """Of `since`: when the condition was last true, None if never."""
        return self._times[-1] if self.is_since and self._times else None

    def add(self, t_ns: int, value: Any) -> None:
        """Take a sample. A time before the last sample's counts as that."""
        if self.is_since and value is not True:
            return
        if t_ns < self._came_ns:
            t_ns = self._came_ns
        self._came_ns = t_ns
        if self._times:
            self._expire(t_ns)
            if len(self._times) == self._most:
                self._drop()
        self._left.clear()
        if isinstance(value, float) and not -LARGEST <= value <= LARGEST:
            value = UNKNOWN
        self._times.append(t_ns)
        self._values.append(value)
        if value is not UNKNOWN:
            self._known.append(t_ns)
            self._measure.add(t_ns, value)
        self._fresh = None

    def value(self, t_ns: int) -> Any:
        """Return the value at this time, or UNKNOWN."""
        if self._last_ns:
            self._expire(t_ns)
        if self._fresh is None or self.is_since:
            self._fresh = UNKNOWN if len(self._known) < self._least else self._measure.value(t_ns)
        return self._fresh

    def next_change_ns(self, t_ns: int) -> int | None:
        """Return the first instant behind `t_ns` from which the value may be another though no sample comes.

        Until then it is the same; None: for ever. `since` changes all the time and returns None: `turning.py` knows
        when a comparison with it turns.
        """
        if not self._last_ns:
            return None
        self._expire(t_ns)
        known, least = self._known, self._least
        if not known or len(known) < least:
            return None
        leaver = self._measure.pivot(known)
        if least:
            short = known[len(known) - least]
            leaver = short if leaver is None else min(short, leaver)
        return None if leaver is None else leaver + self._last_ns

    def doubt(self) -> str:
        """Say why the value is unknown, if it is, as of the last look."""
        if self.is_since:
            return "it has not been true yet"
        if len(self._known) < self._least:
            return f"{len(self._known)} known samples are in the window, at least {self._least} are needed"
        return f"the {len(self._known)} known samples in the window have no {self._plan.function}"

    def samples(self) -> list[tuple[int, Any]]:
        """Return the samples in the window as of the last look: (time, value or UNKNOWN), oldest first."""
        return list(zip(self._times, self._values, strict=True))

    def state(self) -> list[Any]:
        """Return what a snapshot keeps: pairs of time and value, unknown as None.

        It is the window as it was when the last sample came: whoever looked since then has changed nothing.
        """
        return [
            [t_ns, None if value is UNKNOWN else value]
            for t_ns, value in [*self._left, *zip(self._times, self._values, strict=True)]
        ]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned; of more samples than the window has, the last ones."""
        self._clear()
        for t_ns, value in state:
            self.add(t_ns, UNKNOWN if value is None else value)

    def _clear(self) -> None:
        self._measure = measure_of(self._plan)
        self._times, self._values, self._known, self._left = deque(), deque(), deque(), []
        self._came_ns, self._fresh = 0, None

    def _expire(self, t_ns: int) -> None:
        if self._last_ns:
            edge_ns = t_ns - self._last_ns
            while self._times and self._times[0] <= edge_ns:
                self._left.append((self._times[0], self._values[0]))
                self._drop()

    def _drop(self) -> None:
        self._times.popleft()
        value = self._values.popleft()
        self._fresh = None
        if value is not UNKNOWN:
            self._known.popleft()
            self._measure.drop(value)
