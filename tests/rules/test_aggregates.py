"""Aggregates say what the whole history says, in bounded memory, over any restart."""

from __future__ import annotations

import sys

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules.history import (
    FUNCTIONS,
    OF_CONDITIONS,
    History,
    S,
    agree,
    first_disagreement,
    meant,
    plan,
    runs,
    samples_for,
)

from ripieno.plan import Aggregate
from ripieno.rules import MAX_SAMPLES, Accumulator
from ripieno.values import UNKNOWN


@settings(max_examples=400, deadline=None)
@given(run=runs())
def test_the_stream_says_what_the_history_says(run: tuple[Aggregate, History]) -> None:
    assert first_disagreement(Accumulator, *run) == ""


class KeepsTooLong(Accumulator):
    """Lets a sample stay for one nanosecond more."""

    def _expire(self, t_ns: int) -> None:
        super()._expire(t_ns - 1)


class DropsTooSoon(Accumulator):
    """Lets a sample go one nanosecond too early."""

    def _expire(self, t_ns: int) -> None:
        super()._expire(t_ns + 1)


class OneTooMany(Accumulator):
    """Holds one sample more than the window has."""

    def __init__(self, of: Aggregate) -> None:
        super().__init__(of)
        self._most += 1


WRONG = [(KeepsTooLong, {"last_ns": 3 * S}), (DropsTooSoon, {"last_ns": 3 * S}), (OneTooMany, {"last_samples": 3})]


@pytest.mark.parametrize(
    ("function", "wrong", "window"),
    [
        (function, *case)
        for function in FUNCTIONS
        for case in WRONG
        if function != "since" and (function != "rate" or "last_ns" in case[1])
    ],
)
def test_a_window_off_by_one_is_noticed(function: str, wrong: type[Accumulator], window: dict[str, int]) -> None:
    """Negative control of the property above."""
    of = plan(function, **window, argument=0.5)
    first, later = (True, False) if function in OF_CONDITIONS else (1.0, 7.0) if function == "min" else (7.0, 1.0)
    history: History = [(t * S, first if t in (1, 2) else later) for t in range(1, 9)]

    assert first_disagreement(Accumulator, of, history) == ""
    assert first_disagreement(wrong, of, history) != ""


@settings(max_examples=300, deadline=None)
@given(run=runs(), data=st.data())
def test_a_restart_at_any_point_changes_nothing(run: tuple[Aggregate, History], data: st.DataObject) -> None:
    """Nor does a look in between: the bytes of a snapshot depend on the samples alone."""
    of, history = run
    cut = data.draw(st.integers(0, len(history)))
    whole, first, second = Accumulator(of), Accumulator(of), Accumulator(of)
    for index, (t_ns, value) in enumerate(history[:cut]):
        whole.add(t_ns, value)
        first.add(t_ns, value)
        next_ns = history[index + 1][0] if index + 1 < len(history) else t_ns
        first.value(data.draw(st.integers(t_ns, next_ns)))
        first.next_change_ns(next_ns)

    second.restore(msgpack.unpackb(msgpack.packb(first.state())))

    assert msgpack.packb(second.state()) == msgpack.packb(first.state()) == msgpack.packb(whole.state())
    for index, (t_ns, value) in enumerate(history[cut:], cut):
        next_ns = history[index + 1][0] if index + 1 < len(history) else t_ns + 30 * S
        look_ns = data.draw(st.integers(t_ns, next_ns))
        for stream in (whole, second):
            stream.add(t_ns, value)
        assert repr(second.value(look_ns)) == repr(whole.value(look_ns))  # repr: 0.0 is not -0.0
        assert second.next_change_ns(look_ns) == whole.next_change_ns(look_ns)
        assert msgpack.packb(second.state()) == msgpack.packb(whole.state())


@settings(max_examples=300, deadline=None)
@given(run=runs(), look_ns=st.integers(0, 30 * S))
def test_until_the_next_change_the_value_stays(run: tuple[Aggregate, History], look_ns: int) -> None:
    of, history = run
    stream = Accumulator(of)
    for t_ns, value in history:
        stream.add(t_ns, value)
    t_ns = (history[-1][0] if history else 0) + look_ns
    if of.function == "since":
        assert stream.next_change_ns(t_ns) is None
        return

    now, due_ns = stream.value(t_ns), stream.next_change_ns(t_ns)

    leavings = [taken + of.last_ns for taken, _ in history if taken + of.last_ns > t_ns] if of.last_ns else []
    for leaving_ns in leavings:
        if due_ns is None or leaving_ns < due_ns:
            assert meant(of, history, leaving_ns) == meant(of, history, t_ns)
    if due_ns is None:
        assert stream.value(t_ns + 100 * of.last_ns) is now or stream.value(t_ns + 100 * of.last_ns) == now
        return
    assert due_ns > t_ns
    assert due_ns in leavings
    if of.function in ("share", "count", "rate", "changed"):
        assert meant(of, history, due_ns) != now, "woken for nothing"


def test_it_changes_by_itself_when_a_sample_that_counts_leaves_and_not_before() -> None:
    stream = Accumulator(plan("count", last_ns=10 * S))
    for t, value in ((2, False), (3, True), (4, False), (5, True)):
        stream.add(t * S, value)

    assert stream.next_change_ns(6 * S) == 13 * S
    assert stream.value(13 * S - 1) == 2.0
    assert stream.value(13 * S) == 1.0
    assert stream.next_change_ns(13 * S) == 15 * S
    assert stream.value(15 * S) is UNKNOWN
    assert stream.next_change_ns(15 * S) is None


def test_a_share_of_a_healthy_line_wakes_nobody_until_too_few_are_left() -> None:
    stream = Accumulator(plan("share", last_ns=60 * S, least=3))
    for t in range(10):
        stream.add(t * S, False)

    assert stream.next_change_ns(9 * S) == 67 * S
    assert stream.value(67 * S - 1) == 0.0
    assert stream.value(67 * S) is UNKNOWN


def test_a_window_in_samples_never_changes_by_time() -> None:
    stream = Accumulator(plan("share", last_samples=3))
    stream.add(0, True)

    assert stream.next_change_ns(0) is None
    assert stream.value(10**18) == 1.0


def test_a_count_without_a_least_number_is_zero_when_nothing_came() -> None:
    assert Accumulator(plan("count", last_ns=S, least=0)).value(0) == 0.0
    assert Accumulator(plan("rate", last_ns=S, least=0)).value(0) == 0.0
    assert Accumulator(plan("share", last_ns=S, least=0)).value(0) is UNKNOWN


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("window", [{"last_ns": 3600 * S}, {"last_samples": 50}])
def test_memory_is_bounded_whatever_comes(function: str, window: dict[str, int]) -> None:
    stream = Accumulator(plan(function, **window, argument=0.9))
    for number in range(2 * MAX_SAMPLES):
        truth = number % 2 == 0
        stream.add(number, truth if function in OF_CONDITIONS else float(number))
        if number % 100 == 0:
            stream.value(number)

    assert len(stream.state()) <= min(MAX_SAMPLES, window.get("last_samples", MAX_SAMPLES))
    assert reachable_bytes(stream) < 250 * MAX_SAMPLES


def reachable_bytes(root: object) -> int:
    """The size of all that an accumulator holds."""
    seen: set[int] = set()
    todo, size = [root], 0
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type) or callable(one):
            continue
        seen.add(id(one))
        size += sys.getsizeof(one)
        if isinstance(one, dict):
            todo += [*one.keys(), *one.values()]
        elif not isinstance(one, (str, bytes, int, float)) and hasattr(one, "__iter__"):
            todo += list(one)  # type: ignore[call-overload]
        todo += [getattr(one, name) for name in getattr(type(one), "__slots__", ()) if hasattr(one, name)]
        todo += [vars(one)] if hasattr(one, "__dict__") else []
    return size


def test_unknown_samples_take_their_place_in_the_window_but_do_not_count() -> None:
    stream = Accumulator(plan("share", last_samples=4, least=2))
    for value in (True, UNKNOWN, UNKNOWN, False):
        stream.add(0, value)

    assert stream.value(0) == 0.5
    stream.add(1, UNKNOWN)
    assert stream.value(1) is UNKNOWN


def test_a_time_that_steps_back_does_not_disturb_the_window() -> None:
    stream = Accumulator(plan("count", last_ns=10 * S))
    stream.add(8 * S, True)
    stream.add(2 * S, True)

    assert stream.value(17 * S) == 2.0


def test_no_error_is_left_behind_by_what_has_gone() -> None:
    """A running sum in floats would say 0.0 for ever after 1e300 came and went."""
    for function, wanted in (("mean", 0.25), ("deviation", 0.15), ("trend", 3e8)):
        stream = Accumulator(plan(function, last_samples=2))
        for t, value in enumerate((1e300, 5e-324, 0.1, 0.4)):
            stream.add(t, value)
        assert stream.value(9) == pytest.approx(wanted, rel=1e-15)


def test_a_flat_line_has_no_deviation_and_no_trend_whatever_its_height() -> None:
    for value in (0.1, 1e300, 5e-324):
        deviation, trend = Accumulator(plan("deviation", last_samples=9)), Accumulator(plan("trend", last_samples=9))
        for t in range(9):
            deviation.add(t * S, value)
            trend.add(t * S, value)
        assert (deviation.value(9 * S), trend.value(9 * S)) == (0.0, 0.0)


def test_a_slope_that_no_float_holds_is_unknown() -> None:
    stream = Accumulator(plan("trend", last_samples=2))
    stream.add(0, -1.7e308)
    stream.add(1, 1.7e308)

    assert stream.value(1) is UNKNOWN


def test_since_counts_from_the_last_time_it_was_true_though_nothing_comes() -> None:
    stream = Accumulator(plan("since"))
    for t, value in ((1, False), (2, UNKNOWN)):
        stream.add(t * S, value)
    assert stream.value(2 * S) is UNKNOWN

    for t, value in ((3, True), (4, True), (5, False)):
        stream.add(t * S, value)

    assert stream.value(4 * S) == 0.0
    assert stream.value(5 * S) == 1e9
    assert stream.value(3_600 * S) == 3_596e9
    assert stream.state() == [[4 * S, True]]


def test_it_says_why_it_is_unknown() -> None:
    few, flat = Accumulator(plan("mean", last_samples=9, least=3)), Accumulator(plan("trend", last_samples=9))
    for value in (1.0, 2.0, UNKNOWN):
        few.add(0, value)
        flat.add(0, value)

    assert few.value(0) is flat.value(0) is UNKNOWN
    assert few.doubt() == "2 known samples are in the window, at least 3 are needed"
    assert flat.doubt() == "the 2 known samples in the window have no trend"
    assert Accumulator(plan("since")).doubt() == "it has not been true yet"


def test_what_left_the_window_is_in_the_snapshot_and_not_among_the_samples() -> None:
    stream = Accumulator(plan("mean", last_ns=10))
    stream.add(1, 1.0)
    stream.add(5, 2.0)

    assert stream.value(12) == 2.0
    assert stream.samples() == [(5, 2.0)]
    assert stream.state() == [[1, 1.0], [5, 2.0]]


def test_a_function_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="no aggregate 'median'"):
        Accumulator(plan("median", last_samples=3))


@settings(max_examples=50, deadline=None)
@given(function=st.sampled_from(FUNCTIONS), data=st.data())
def test_a_full_window_says_what_the_history_says(function: str, data: st.DataObject) -> None:
    """Long runs, where the cap of samples bites: only the end is looked at."""
    of = plan(function, last_ns=10**6 * S, argument=0.9)
    cycle = data.draw(st.lists(samples_for(function), min_size=1, max_size=7))
    history: History = [(t * S, cycle[t % len(cycle)]) for t in range(MAX_SAMPLES + 9)]
    stream = Accumulator(of)
    for t_ns, value in history:
        stream.add(t_ns, value)

    end_ns = history[-1][0]
    assert agree(stream.value(end_ns), meant(of, history, end_ns))
