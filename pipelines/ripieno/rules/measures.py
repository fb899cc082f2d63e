"""What an aggregate knows of the known samples in its window: they come at the young end and leave at the old one.

Each measure costs O(1) a sample, a quantile O(log n) comparisons and one move of its sorted list. What it says depends
on the samples in the window alone, never on those that have left: built anew from a snapshot it says the same.
"""

from __future__ import annotations

import operator
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from ripieno.plan import Aggregate
from ripieno.values import UNKNOWN

from .exact import Whole, between, ratio, root_of_ratio

Times = deque[int]


class Measure(Protocol):
    """Samples leave in the order in which they came."""

    def add(self, t_ns: int, value: Any) -> None:
        """Take a known sample."""
        ...

    def drop(self, value: Any) -> None:
        """Let the oldest sample go; `value` is its."""
        ...

    def value(self, t_ns: int) -> Any:
        """Return what the samples say, UNKNOWN where they say nothing. Of the time, only `Since` takes notice."""
        ...

    def pivot(self, times: Times) -> int | None:
        """Return the time of the first sample without which the value may be another; None where all may go.

        `times`: of all samples, oldest first; at least one.
        """
        ...


class Truths:
    """How many of the samples are true."""

    def __init__(self, of: Callable[[int, int], Any], is_share: bool) -> None:
        self._of, self._is_share = of, is_share
        self._known = 0
        self._true: Times = deque()

    def add(self, t_ns: int, value: Any) -> None:
        self._known += 1
        if value is True:
            self._true.append(t_ns)

    def drop(self, value: Any) -> None:
        self._known -= 1
        if value is True:
            self._true.popleft()

    def value(self, t_ns: int) -> Any:
        return self._of(len(self._true), self._known)

    def pivot(self, times: Times) -> int | None:
        if self._is_share:  # all or none stays so, whichever of them leave
            return times[0] if 0 < len(self._true) < self._known else None
        return self._true[0] if self._true else None


class Mean:
    """The exact mean, rounded once."""

    def __init__(self) -> None:
        self._whole, self._sum, self._known = Whole(), 0, 0

    def add(self, t_ns: int, value: float) -> None:
        multiple, finer = self._whole.of(value)
        self._sum = (self._sum << finer) + multiple
        self._known += 1

    def drop(self, value: float) -> None:
        self._sum -= self._whole.of(value)[0]
        self._known -= 1
        if not self._known:
            self._whole.bits = 0

    def value(self, t_ns: int) -> Any:
        return ratio(self._sum, self._known << self._whole.bits)

    def pivot(self, times: Times) -> int | None:
        return times[0]


class Deviation:
    """The standard deviation of the population: sqrt(n * sum of squares - square of the sum) / n, rounded once."""

    def __init__(self) -> None:
        self._whole, self._sum, self._squares, self._known = Whole(), 0, 0, 0

    def add(self, t_ns: int, value: float) -> None:
        multiple, finer = self._whole.of(value)
        self._sum = (self._sum << finer) + multiple
        self._squares = (self._squares << 2 * finer) + multiple * multiple
        self._known += 1

    def drop(self, value: float) -> None:
        multiple, _ = self._whole.of(value)
        self._sum -= multiple
        self._squares -= multiple * multiple
        self._known -= 1
        if not self._known:
            self._whole.bits = 0

    def value(self, t_ns: int) -> Any:
        known = self._known
        return root_of_ratio(known * self._squares - self._sum * self._sum, (known << self._whole.bits) ** 2)

    def pivot(self, times: Times) -> int | None:
        return times[0]


class Trend:
    """The slope of the straight line with the least squares through (time, value), per second, rounded once.

    n * sum(t x) - sum(t) sum(x) over n * sum(t t) - sum(t) ** 2; samples of one time alone have none. Times are
    counted from the first sample's, which changes no slope and keeps the integers short.
    """

    def __init__(self) -> None:
        self._whole, self._known, self._begin_ns = Whole(), 0, 0
        self._x = self._tx = self._t = self._tt = 0
        self._times: Times = deque()

    def add(self, t_ns: int, value: float) -> None:
        if not self._known:
            self._begin_ns = t_ns
        multiple, finer = self._whole.of(value)
        t = t_ns - self._begin_ns
        self._x = (self._x << finer) + multiple
        self._tx = (self._tx << finer) + t * multiple
        self._t += t
        self._tt += t * t
        self._known += 1
        self._times.append(t)

    def drop(self, value: float) -> None:
        multiple, _ = self._whole.of(value)
        t = self._times.popleft()
        self._x -= multiple
        self._tx -= t * multiple
        self._t -= t
        self._tt -= t * t
        self._known -= 1
        if not self._known:
            self._whole.bits = 0

    def value(self, t_ns: int) -> Any:
        rise = self._known * self._tx - self._t * self._x
        run = self._known * self._tt - self._t * self._t
        return ratio(rise * 1_000_000_000, run << self._whole.bits)

    def pivot(self, times: Times) -> int | None:
        return times[0]


class Extreme:
    """The least or the greatest: a queue of those that no younger one outdoes (the front is the value)."""

    def __init__(self, outdoes: Callable[[Any, Any], bool]) -> None:
        self._outdoes = outdoes
        self._front: deque[tuple[int, int, float]] = deque()
        self._came = self._left = 0

    def add(self, t_ns: int, value: float) -> None:
        front = self._front
        while front and self._outdoes(value, front[-1][2]):
            front.pop()
        front.append((self._came, t_ns, value))
        self._came += 1

    def drop(self, value: float) -> None:
        if self._front[0][0] == self._left:
            self._front.popleft()
        self._left += 1

    def value(self, t_ns: int) -> Any:
        return float(self._front[0][2])

    def pivot(self, times: Times) -> int | None:
        return self._front[0][1]


class Quantile:
    """The value at `part` (0..1) of the way through the sorted samples, between two of them by a straight line.

    Hyndman and Fan's definition 7 (The American Statistician 50(4), 1996): the least is at 0, the greatest at 1.
    """

    def __init__(self, part: float) -> None:
        self._part = part
        self._sorted: list[float] = []

    def add(self, t_ns: int, value: float) -> None:
        insort(self._sorted, value + 0.0)  # -0.0 and 0.0 sort as one and must leave as one

    def drop(self, value: float) -> None:
        del self._sorted[bisect_left(self._sorted, value)]

    def value(self, t_ns: int) -> Any:
        ranked = self._sorted
        at = (len(ranked) - 1) * self._part
        below = int(at)
        return ranked[below] if below == at else between(ranked[below], ranked[below + 1], at - below)

    def pivot(self, times: Times) -> int | None:
        return times[0]


class Changed:
    """Whether two of the samples differ; then two that follow one another do."""

    def __init__(self) -> None:
        self._values: deque[tuple[int, Any]] = deque()
        self._changes = 0
        self._before_last_ns = 0  # when the sample before the youngest change was taken

    def add(self, t_ns: int, value: Any) -> None:
        if self._values and self._values[-1][1] != value:
            self._changes += 1
            self._before_last_ns = self._values[-1][0]
        self._values.append((t_ns, value))

    def drop(self, value: Any) -> None:
        self._values.popleft()
        if self._values and self._values[0][1] != value:
            self._changes -= 1

    def value(self, t_ns: int) -> Any:
        return self._changes > 0

    def pivot(self, times: Times) -> int | None:
        return self._before_last_ns if self._changes else None


class Since:
    """The time since the youngest sample, which was true: no other is given to it."""

    def __init__(self) -> None:
        self._true_ns = 0

    def add(self, t_ns: int, value: Any) -> None:
        self._true_ns = t_ns

    def drop(self, value: Any) -> None:
        pass

    def value(self, t_ns: int) -> Any:
        return float(max(0, t_ns - self._true_ns))

    def pivot(self, times: Times) -> int | None:
        return None


def measure_of(plan: Aggregate) -> Measure:
    """Return the empty measure for a plan's function. Raises ValueError for a function that is none."""
    match plan.function:
        case "share":
            return Truths(lambda true, known: true / known, is_share=True)
        case "count":
            return Truths(lambda true, _: float(true), is_share=False)
        case "rate":
            last_ns = plan.last_ns
            return Truths(lambda true, _: true * 1e9 / last_ns if last_ns else UNKNOWN, is_share=False)
        case "mean":
            return Mean()
        case "deviation":
            return Deviation()
        case "trend":
            return Trend()
        case "min":
            return Extreme(operator.lt)
        case "max":
            return Extreme(operator.gt)
        case "quantile":
            return Quantile(plan.argument)
        case "changed":
            return Changed()
        case "since":
            return Since()
    raise ValueError(f"there is no aggregate '{plan.function}'")
