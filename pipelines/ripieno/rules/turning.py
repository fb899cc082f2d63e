"""When conditions may turn though nothing happens: a sample leaves a window, a time that has passed since something
crosses what it is compared with, an operand becomes too old.

`since` grows by a nanosecond in each, so a comparison with it is one of two straight lines over time and turns at one
instant, which is found to the nanosecond: computed from the lines, then moved to where the comparison's own floats
turn. Sums, differences, multiples and choices of such times are straight; `min`, `max`, `abs`, `round`, products and
quotients of them are not: the compile step refuses what `bent` returns, and a plan that has it nevertheless is looked
at every POLL_NS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ripieno.plan import (
    Aggregate,
    AggregateRef,
    And,
    Arithmetic,
    Call,
    Choice,
    Compare,
    Const,
    Expression,
    Not,
    OneOf,
    Operand,
    Or,
    Otherwise,
)
from ripieno.values import UNKNOWN

from .aggregates import Accumulator
from .generate import operands_of
from .kleene import Read, evaluate
from .sharing import parts_of

POLL_NS = 100_000_000
HORIZON_NS = 1 << 62  # 146 years: no deadline is later
LookUp = Callable[[Read], Any]
Lapses = Callable[[Operand], int | None]
Line = tuple[float, float]  # value now, change per nanosecond


class Turning:
    """Some conditions, taken together.

    Args:
        trees: conditions that must be looked at when they may have turned.
        aggregates: the pipeline's.
    """

    def __init__(self, trees: Iterable[Expression], aggregates: Sequence[Aggregate]) -> None:
        trees = list(dict.fromkeys(trees))
        sinces = _sinces(aggregates)
        reads = dict.fromkeys(read for tree in trees for read in operands_of(tree))
        # Fields of one source become too old together: one of them speaks for all.
        sources = {(read.source, read.name): read for read in reads if isinstance(read, Operand)}
        self._operands = [read for read in sources.values() if read.source != "output"]
        self._windows = [
            read.index
            for read in reads
            if isinstance(read, AggregateRef) and read not in sinces and aggregates[read.index].last_ns
        ]
        timed = dict.fromkeys(one for tree in trees for one in _timed(tree, sinces))
        self._is_polled = any(_bent(one, sinces) is not None for one in timed)
        self._comparisons = [
            _Comparison(one, sinces) for one in timed if isinstance(one, Compare) and _bent(one, sinces) is None
        ]

    def next_ns(
        self, t_ns: int, accumulators: Sequence[Accumulator], look_up: LookUp, lapses: Lapses | None = None
    ) -> int | None:
        """Return the first instant behind `t_ns` at which one of the conditions may have another value; None: none.

        Until then all of them stay as they are if no event comes. `look_up` gives the operands as they are at `t_ns`;
        `lapses`: the first instant at which an operand's present value is too old to count, None for never; it is asked
        for one operand of each source.
        """
        due = t_ns + POLL_NS if self._is_polled else None
        for index in self._windows:
            at = accumulators[index].next_change_ns(t_ns)
            if at is not None and (due is None or at < due):
                due = at
        for comparison in self._comparisons:
            at = comparison.turns_ns(t_ns, accumulators, look_up)
            if at is not None and (due is None or at < due):
                due = at
        if lapses is not None:
            for read in self._operands:
                at = lapses(read)
                if at is not None and at > t_ns and (due is None or at < due):
                    due = at
        return due


def bent(tree: Expression, aggregates: Sequence[Aggregate]) -> Expression | None:
    """Return the part of a condition that makes a comparison with `since` no straight line over time, None if none."""
    sinces = _sinces(aggregates)
    return next((part for one in _timed(tree, sinces) if (part := _bent(one, sinces)) is not None), None)


class _Comparison:
    """One comparison of straight lines over time."""

    def __init__(self, tree: Compare, sinces: frozenset[AggregateRef]) -> None:
        self._tree, self._sinces = tree, sinces
        self._reads = operands_of(tree)
        self._is_same_line = not any(_switches(one, sinces) for one in (tree.left, tree.right))
        self._key: tuple[Any, ...] = ()
        self._due: int | None = None

    def turns_ns(self, t_ns: int, accumulators: Sequence[Accumulator], look_up: LookUp) -> int | None:
        """Return the first instant behind `t_ns` at which it has another value."""
        key = tuple(
            accumulators[read.index].last_true_ns
            if isinstance(read, AggregateRef) and read in self._sinces
            else look_up(read)
            for read in self._reads
        )
        if not self._is_same_line or key != self._key or (self._due is not None and self._due <= t_ns):
            self._key, self._due = key, self._find(t_ns, key)
        return self._due

    def _find(self, t_ns: int, key: tuple[Any, ...]) -> int | None:
        known = dict(zip(self._reads, self._at(t_ns, key), strict=True))
        left, right = self._line(self._tree.left, known), self._line(self._tree.right, known)
        if left is None or right is None:
            return None
        apart, closer = left[0] - right[0], right[1] - left[1]
        if closer == 0.0 or apart * closer < 0.0 or not apart / closer < HORIZON_NS:
            return None
        present = self._side(t_ns, key)
        late, stride = t_ns + max(1, int(apart / closer)), 1
        while self._side(late, key) == present:
            late, stride = late + stride, stride * 2
            if late - t_ns > HORIZON_NS:
                return None
        early, stride = late - 1, 1
        while early > t_ns and self._side(early, key) != present:
            late, early, stride = early, max(t_ns, early - stride), stride * 2
        while late - early > 1:
            middle = (early + late) // 2
            early, late = (middle, late) if self._side(middle, key) == present else (early, middle)
        return late

    def _at(self, t_ns: int, key: tuple[Any, ...]) -> list[Any]:
        """Return the operands at a time: of `since` the key holds when it was last true, of others the value."""
        return [
            (UNKNOWN if value is None else float(max(0, t_ns - value))) if read in self._sinces else value
            for read, value in zip(self._reads, key, strict=True)
        ]

    def _side(self, t_ns: int, key: tuple[Any, ...]) -> Any:
        """Return what does not come back once it has gone: whether it holds, of an equality on which side it is."""
        values = self._at(t_ns, key)
        if self._tree.operator not in ("==", "!="):
            return evaluate(self._tree, self._reads, values)
        is_below, is_above = (
            evaluate(Compare(sign, self._tree.left, self._tree.right), self._reads, values) for sign in "<>"
        )
        return is_below, is_above

    def _line(self, tree: Expression, known: dict[Read, Any]) -> Line | None:
        """Return a number's line over time; None if it is unknown."""
        match tree:
            case AggregateRef() if tree in self._sinces:
                return None if known[tree] is UNKNOWN else (known[tree], 1.0)
            case Arithmetic(sign, left, right):
                return _combined(sign, self._line(left, known), self._line(right, known))
            case Otherwise(left, right):
                return self._line(left, known) or self._line(right, known)
            case Choice(condition, then, otherwise):
                chosen = evaluate(condition, tuple(known), tuple(known.values()))
                return None if chosen is UNKNOWN else self._line(then if chosen else otherwise, known)
        value = evaluate(tree, tuple(known), tuple(known.values()))
        return None if value is UNKNOWN else (value, 0.0)


def _combined(sign: str, left: Line | None, right: Line | None) -> Line | None:
    if left is None or right is None:
        return None
    (a, rise), (b, other) = left, right
    match sign:
        case "+":
            return a + b, rise + other
        case "-":
            return a - b, rise - other
        case "*":
            return a * b, rise * b + a * other
        case _:
            return None if b == 0.0 else (a / b, rise / b)


def _sinces(aggregates: Sequence[Aggregate]) -> frozenset[AggregateRef]:
    return frozenset(AggregateRef(index) for index, one in enumerate(aggregates) if one.function == "since")


def _timed(tree: Expression, sinces: frozenset[AggregateRef]) -> Iterator[Expression]:
    """Yield the comparisons of numbers (and memberships) in a tree that time alone may turn."""
    if not sinces.intersection(operands_of(tree)):
        return
    match tree:
        case Compare(_, left, right) if not (_is_truth(left) or _is_truth(right)):
            yield tree
        case OneOf():
            yield tree
    for part in parts_of(tree):
        yield from _timed(part, sinces)


def _bent(tree: Expression, sinces: frozenset[AggregateRef]) -> Expression | None:
    """Return the innermost part whose value is no straight line over time."""
    if not sinces.intersection(operands_of(tree)):
        return None
    numbers = [tree.then, tree.otherwise] if isinstance(tree, Choice) else parts_of(tree)
    inner = next((part for one in numbers if (part := _bent(one, sinces)) is not None), None)
    if inner is not None:
        return inner
    timed = [bool(sinces.intersection(operands_of(one))) for one in numbers]
    match tree:
        case Call() | OneOf():
            return tree
        case Arithmetic("*", _, _) if all(timed):
            return tree
        case Arithmetic("/", _, _) if timed[1]:
            return tree
    return None


def _switches(tree: Expression, sinces: frozenset[AggregateRef]) -> bool:
    """Whether a number goes over to another line at an instant of its own."""
    if isinstance(tree, Choice) and sinces.intersection(operands_of(tree.condition)):
        return True
    return any(_switches(part, sinces) for part in parts_of(tree))


def _is_truth(tree: Expression) -> bool:
    match tree:
        case Compare() | OneOf() | And() | Or() | Not():
            return True
        case Const(value):
            return isinstance(value, bool)
        case Operand():
            return tree.type == "bool"
        case Choice(_, term, _) | Otherwise(term, _):
            return _is_truth(term)
    return False
