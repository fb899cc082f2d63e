"""Whoever looks at the instants that `Turning` names, and at no other, sees what a look at every nanosecond sees."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules.history import plan

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
from ripieno.rules import Accumulator, Turning, bent, evaluate, operands_of
from ripieno.rules.turning import POLL_NS
from ripieno.values import UNKNOWN

S = 1_000_000_000
SINCE, OTHER, COUNT, SHARE = (AggregateRef(index) for index in range(4))
AGGREGATES = (
    plan("since"),
    plan("since"),
    plan("count", last_ns=7, least=0),
    plan("share", last_ns=5, least=2),
)
LOAD = Operand("input", "spindle", "load", "number")
MAX_AGE = 6
END = 50


class Bench:
    """Accumulators and a reading that are given samples at whole nanoseconds."""

    def __init__(self, samples: list[tuple[int, int, Any]], aggregates: tuple[Aggregate, ...] = AGGREGATES) -> None:
        self.samples = sorted(samples, key=lambda sample: sample[0])
        self.accumulators = [Accumulator(one) for one in aggregates]
        self.t = 0
        self.load: tuple[int, float] | None = None

    def come_to(self, t: int) -> bool:
        """Go to a time and take the samples that are due; return whether there was one."""
        self.t, came = t, False
        while self.samples and self.samples[0][0] <= t:
            taken, index, value = self.samples.pop(0)
            came = True
            if index < len(self.accumulators):
                self.accumulators[index].add(taken, value)
            else:
                self.load = (taken, 3.0 if value is True else 9.0)
        return came

    def look_up(self, read: Any) -> Any:
        if isinstance(read, AggregateRef):
            return self.accumulators[read.index].value(self.t)
        return UNKNOWN if self.load is None or self.t - self.load[0] > MAX_AGE else self.load[1]

    def lapses(self, read: Operand) -> int | None:
        return None if self.load is None else self.load[0] + MAX_AGE + 1

    def truth(self, tree: Expression) -> Any:
        reads = operands_of(tree)
        return evaluate(tree, reads, [self.look_up(read) for read in reads])


def at_every_nanosecond(tree: Expression, samples: list[tuple[int, int, Any]]) -> list[Any]:
    bench, seen = Bench(samples), []
    for t in range(END):
        bench.come_to(t)
        seen.append(bench.truth(tree))
    return seen


def at_turnings(tree: Expression, samples: list[tuple[int, int, Any]], turning: Turning) -> list[Any]:
    """The same, but the condition is looked at only after a sample and at the instants that are named."""
    bench, seen = Bench(samples), []
    due: int | None = 0
    for t in range(END):
        came = bench.come_to(t)
        if came or (due is not None and t >= due):
            assert due is None or t <= due or came, "looked too late"
            value = bench.truth(tree)
            due = turning.next_ns(t, bench.accumulators, bench.look_up, bench.lapses)
            assert due is None or due > t
        seen.append(value)
    return seen


_still = st.integers(0, 20).map(lambda n: Const(float(n))) | st.sampled_from([COUNT, SHARE, LOAD])
_sinces = st.sampled_from([SINCE, OTHER])


def straight(depth: int) -> st.SearchStrategy[Expression]:
    """Return numbers that are straight lines over time, or stand still."""
    if depth == 0:
        return _sinces | _still | _sinces
    line, any_line = straight(depth - 1), _still | straight(depth - 1)
    return st.one_of(
        _sinces,
        st.builds(Arithmetic, st.sampled_from("+-"), line, any_line),
        st.builds(Arithmetic, st.just("*"), any_line, _still),
        st.builds(Arithmetic, st.just("/"), line, _still),
        st.builds(Otherwise, line, any_line),
        st.builds(Choice, conditions(0), line, any_line),
    )


def conditions(depth: int) -> st.SearchStrategy[Expression]:
    """Return comparisons of them, alone or together."""
    sign = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    one = st.builds(Compare, sign, straight(depth), straight(depth))
    if depth == 0:
        return one
    return st.one_of(
        one,
        st.builds(Not, one),
        st.builds(And, st.tuples(one, one)),
        st.builds(Or, st.tuples(one, one)),
    )


_samples = st.lists(
    st.tuples(st.integers(0, END // 2), st.integers(0, len(AGGREGATES)), st.sampled_from([True, False, UNKNOWN])),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(tree=conditions(2), samples=_samples)
def test_nothing_turns_between_the_instants(tree: Expression, samples: list[tuple[int, int, Any]]) -> None:
    assert bent(tree, AGGREGATES) is None

    assert at_turnings(tree, samples, Turning([tree], AGGREGATES)) == at_every_nanosecond(tree, samples)


def late_since(turning: Turning) -> None:
    turning._comparisons = []


def late_windows(turning: Turning) -> None:
    turning._windows = []


def late_lapses(turning: Turning) -> None:
    turning._operands = []


@pytest.mark.parametrize("harm", [late_since, late_windows, late_lapses])
def test_a_kind_of_turning_that_is_left_out_is_noticed(harm: Any) -> None:
    """Negative control of the property above."""
    condition = Or(
        (
            Compare(">", SINCE, Const(9.0)),
            Compare("==", COUNT, Const(0.0)),
            Compare(">", Otherwise(LOAD, Const(99.0)), Const(50.0)),
        )
    )
    cases = [(Compare(">", SINCE, Const(9.0)), 0), (Compare("==", COUNT, Const(0.0)), 2), (condition.terms[2], 4)]
    missed = 0
    for tree, index in cases:
        samples = [(3, index, True)]
        turning = Turning([tree], AGGREGATES)
        harm(turning)
        missed += at_turnings(tree, samples, turning) != at_every_nanosecond(tree, samples)

    assert missed == 1


def since_at(*true_ns: int) -> Bench:
    bench = Bench([(t, index, True) for index, t in enumerate(true_ns)], AGGREGATES[: len(true_ns)])
    bench.come_to(max(true_ns))
    return bench


@pytest.mark.parametrize(
    ("sign", "limit", "due"),
    [
        (">", 10.0 * S, 10 * S + 1),
        (">=", 10.0 * S, 10 * S),
        ("<", 10.0 * S, 10 * S),
        ("<=", 10.0 * S, 10 * S + 1),
        ("==", 10.0 * S, 10 * S),
        ("!=", 10.0 * S, 10 * S),
        (">", 0.5, 1),
        (">", -1.0, None),
        (">", 1e300, None),
        (">=", float(2**53 + 4), 2**53 + 3),  # a float's step is 2 ns there, and half of one is rounded up here
    ],
)
def test_a_comparison_with_a_constant_turns_at_its_nanosecond(sign: str, limit: float, due: int | None) -> None:
    tree = Compare(sign, SINCE, Const(limit))
    bench = since_at(1_000)

    turns = Turning([tree], AGGREGATES).next_ns(1_000, bench.accumulators, bench.look_up)

    assert turns == (None if due is None else 1_000 + due)
    if turns is not None:
        before, bench.t = bench.truth(tree), turns - 1
        assert bench.truth(tree) is before
        bench.t = turns
        assert bench.truth(tree) is not before


@settings(max_examples=300, deadline=None)
@given(
    base=st.integers(0, 10**18),
    ahead=st.integers(0, 10**12),
    factor=st.floats(1e-9, 1e9),
    limit=st.floats(0, 1e18),
    sign=st.sampled_from(["<", "<=", ">", ">="]),
)
def test_the_instant_is_exact_whatever_is_rounded_on_the_way(
    base: int, ahead: int, factor: float, limit: float, sign: str
) -> None:
    tree = Compare(sign, Arithmetic("*", Arithmetic("/", SINCE, Const(1e9)), Const(factor)), Const(limit))
    bench = since_at(base)
    bench.t = now = base + ahead
    before = bench.truth(tree)

    due = Turning([tree], AGGREGATES).next_ns(now, bench.accumulators, bench.look_up)

    if due is None:
        bench.t = now + 10**15
        assert bench.truth(tree) is before or limit / factor > 1e8
        return
    bench.t = due - 1
    assert bench.truth(tree) is before
    bench.t = due
    assert bench.truth(tree) is not before


def test_two_times_that_pass_alike_never_turn() -> None:
    tree = Compare(">", Arithmetic("-", SINCE, OTHER), Const(3.0))
    bench = since_at(5, 8)

    assert bench.truth(tree) is False
    assert Turning([tree], AGGREGATES).next_ns(8, bench.accumulators, bench.look_up) is None


def test_what_was_found_is_kept_until_the_condition_is_true_again() -> None:
    tree = Compare(">", SINCE, Const(10.0))
    bench = since_at(100)
    turning = Turning([tree], AGGREGATES)

    assert turning.next_ns(100, bench.accumulators, bench.look_up) == 111
    assert turning.next_ns(105, bench.accumulators, bench.look_up) == 111
    assert turning.next_ns(111, bench.accumulators, bench.look_up) is None
    bench.accumulators[0].add(120, True)
    assert turning.next_ns(120, bench.accumulators, bench.look_up) == 131


TWICE = Arithmetic("*", SINCE, OTHER)


@pytest.mark.parametrize(
    ("tree", "part"),
    [
        (Compare(">", TWICE, Const(9.0)), TWICE),
        (
            Compare(">", Arithmetic("/", Const(9.0), SINCE), Const(3.0)),
            Arithmetic("/", Const(9.0), SINCE),
        ),
        (Not(Compare(">", Call("round", (SINCE,)), Const(3.0))), Call("round", (SINCE,))),
        (Compare("<", Call("max", (SINCE, OTHER)), LOAD), Call("max", (SINCE, OTHER))),
        (OneOf(SINCE, (5.0, 7.0)), OneOf(SINCE, (5.0, 7.0))),
        (
            Compare(">", Choice(Compare(">", TWICE, LOAD), LOAD, Const(1.0)), Const(3.0)),
            TWICE,
        ),
        (Compare(">", Call("round", (LOAD,)), SINCE), None),
        (Compare(">", SHARE, Call("max", (COUNT, LOAD))), None),
    ],
)
def test_what_is_no_straight_line_is_named_and_looked_at_often(tree: Expression, part: Expression | None) -> None:
    bench = Bench([(1, 0, True), (2, 1, True)])
    bench.come_to(2)

    due = Turning([tree], AGGREGATES).next_ns(2, bench.accumulators, bench.look_up)

    assert bent(tree, AGGREGATES) == part
    assert (due == 2 + POLL_NS) == (part is not None)
