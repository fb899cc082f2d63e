"""Aggregates say what the whole history says, in bounded memory, over any restart."""

from __future__ import annotations

import math

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.plan import Aggregate, Const
from ripieno.rules import MAX_SAMPLES, Accumulator
from ripieno.values import UNKNOWN

S = 1_000_000_000
FUNCTIONS = ("share", "count", "mean", "min", "max", "rate")
OF_CONDITIONS = ("share", "count", "rate")


def plan(function: str, last_ns: int = 0, last_samples: int = 0, least: int = 1) -> Aggregate:
    return Aggregate(function, "look", Const(True), last_ns, last_samples, least)


def brute(of: Aggregate, history: list[tuple[int, object]], t_ns: int) -> object:
    """The value from all samples ever taken."""
    window = [value for taken, value in history if not of.last_ns or taken > t_ns - of.last_ns]
    window = window[-(of.last_samples or MAX_SAMPLES) :]
    known = [value for value in window if value is not UNKNOWN]
    if len(known) < max(1, of.min_samples):
        return UNKNOWN
    true = sum(value is True for value in known)
    return {
        "share": lambda: true / len(known),
        "count": lambda: float(true),
        "rate": lambda: true * 1e9 / of.last_ns,
        "mean": lambda: math.fsum(known) / len(known),  # type: ignore[arg-type]
        "min": lambda: min(known),  # type: ignore[type-var]
        "max": lambda: max(known),  # type: ignore[type-var]
    }[of.function]()


@st.composite
def runs(draw: st.DrawFn) -> tuple[Aggregate, list[tuple[int, object]]]:
    function = draw(st.sampled_from(FUNCTIONS))
    in_time = function == "rate" or draw(st.booleans())
    last_ns = draw(st.integers(1, 20)) * S if in_time else 0
    last_samples = 0 if in_time else draw(st.integers(1, 8))
    of = plan(function, last_ns, last_samples, draw(st.integers(1, 4)))
    value = st.booleans() if function in OF_CONDITIONS else st.floats(-1e6, 1e6)
    steps = draw(st.lists(st.tuples(st.integers(0, 8 * S), value | st.just(UNKNOWN)), max_size=40))
    history, t_ns = [], 0
    for pause_ns, sample in steps:
        t_ns += pause_ns
        history.append((t_ns, sample))
    return of, history


@settings(max_examples=300, deadline=None)
@given(run=runs(), look_ns=st.integers(0, 30 * S))
def test_the_stream_says_what_the_history_says(run: tuple[Aggregate, list[tuple[int, object]]], look_ns: int) -> None:
    of, history = run
    stream = Accumulator(of)
    for index, (t_ns, value) in enumerate(history):
        stream.add(t_ns, value)
        assert stream.value(t_ns) == brute(of, history[: index + 1], t_ns)

    t_ns = (history[-1][0] if history else 0) + look_ns
    assert stream.value(t_ns) == brute(of, history, t_ns)


@settings(max_examples=200, deadline=None)
@given(run=runs(), data=st.data())
def test_a_restart_at_any_point_changes_nothing(
    run: tuple[Aggregate, list[tuple[int, object]]], data: st.DataObject
) -> None:
    of, history = run
    cut = data.draw(st.integers(0, len(history)))
    whole, first, second = Accumulator(of), Accumulator(of), Accumulator(of)
    for t_ns, value in history[:cut]:
        whole.add(t_ns, value)
        first.add(t_ns, value)

    second.restore(msgpack.unpackb(msgpack.packb(first.state())))

    assert second.state() == first.state()
    for t_ns, value in history[cut:]:
        whole.add(t_ns, value)
        second.add(t_ns, value)
        assert second.value(t_ns) == whole.value(t_ns)
        assert second.next_change_ns() == whole.next_change_ns()


def test_it_changes_by_itself_when_the_oldest_sample_leaves_and_not_before() -> None:
    stream = Accumulator(plan("count", last_ns=10 * S))
    stream.add(3 * S, True)
    stream.add(5 * S, True)

    assert stream.next_change_ns() == 13 * S
    assert stream.value(13 * S - 1) == 2.0
    assert stream.value(13 * S) == 1.0
    assert stream.next_change_ns() == 15 * S
    assert stream.value(15 * S) is UNKNOWN
    assert stream.next_change_ns() is None


def test_a_window_in_samples_never_changes_by_time() -> None:
    stream = Accumulator(plan("share", last_samples=3))
    stream.add(0, True)

    assert stream.next_change_ns() is None
    assert stream.value(10**18) == 1.0


@pytest.mark.parametrize("window", [{"last_ns": 3600 * S}, {"last_samples": 50}])
def test_memory_is_bounded_whatever_comes(window: dict[str, int]) -> None:
    stream = Accumulator(plan("mean", **window))
    for number in range(3 * MAX_SAMPLES):
        stream.add(number, float(number))

    assert len(stream.state()) <= min(MAX_SAMPLES, window.get("last_samples", MAX_SAMPLES))


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
