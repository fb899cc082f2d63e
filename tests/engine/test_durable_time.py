"""Time that survives: cut a run at any event, let the daemon be gone; what was being timed goes on as its rule says.

With `keep` the run after the gap is the uninterrupted one, later by the gap. With `fire_if_elapsed` it is the
uninterrupted one, in which nothing came during the gap. With `start_over` nothing acts earlier than it would have.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from engine.desk import Bench, service
from engine.plans import MS, rule
from engine.test_streams import LOAD, SLOW, machine
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno import engine as rooms
from ripieno.engine import Effect, Engine, Event
from ripieno.plan import BookingEffect, Compare, Const, PipelinePlan, RulePlan, SetpointEffect, VerifyPlan

S = 1_000 * MS
STEP = 250 * MS
HIGH = Compare(">", LOAD, Const(80.0))
TASK = (BookingEffect("tasks", "look", ()),)
TIMES = {"t", "taken_t", "called_t", "at_t", "sent_t", "due_t"}


def plan(after_gap: str) -> PipelinePlan:
    """Return rules with every kind of timer."""
    rules: tuple[RulePlan, ...] = (
        rule("held", when=HIGH, for_ns=1 * S, do=TASK),
        rule("again", when=HIGH, for_ns=300 * MS, cooldown_ns=2 * S, do=TASK),
        rule("hourly", every_ns=1700 * MS, do=TASK),
        replace(
            SLOW,
            when=HIGH,
            do=(SetpointEffect("feed", "change", Const(-10.0)),),
            cooldown_ns=1 * S,
            verify=VerifyPlan(0, 1200 * MS, Compare("<", LOAD, Const(50.0)), "undo"),
        ),
    )
    long_lived = replace(machine().inputs[0], max_age_ns=3_600 * S)  # a gap alone does not make it stale here
    whole = machine(rules=tuple(replace(one, after_gap=after_gap) for one in rules))
    return replace(whole, inputs=(long_lived, *whole.inputs[1:]))


def run(engine: Engine, events: list[Event], until: int) -> list[tuple[int, Effect]]:
    """Tell the events in their order, with a tick at each deadline between them, to a time."""
    told: list[tuple[int, Effect]] = []
    for event in [*events, rooms.Tick(until)]:
        while (due := engine.next_deadline()) is not None and due < event.t:
            told += [(due, one) for one in engine.step(rooms.Tick(due))]
        told += [(event.t, one) for one in engine.step(event)]
    return told


def readings(loads: list[float], begin: int = STEP) -> list[Event]:
    """Return a reading every STEP."""
    return [
        rooms.ReadingSeen(begin + index * STEP, "spindle", (load, 1.0), begin + index * STEP, "good")
        for index, load in enumerate(loads)
    ]


def later(value: Any, gap: int) -> Any:
    """Return an event or effect as it would be `gap` later; acts of rules carry their time in their cause."""
    if is_dataclass(value) and not isinstance(value, type):
        moved = {
            one.name: getattr(value, one.name) + gap
            if one.name in TIMES and getattr(value, one.name)
            else later(getattr(value, one.name), gap)
            for one in fields(value)
        }
        return replace(value, **moved)
    if isinstance(value, tuple):
        return (
            type(value)(*(later(one, gap) for one in value))
            if hasattr(value, "_fields")
            else tuple(later(one, gap) for one in value)
        )
    if isinstance(value, str) and "@" in value:
        name, _, t = value.partition("@")
        return f"{name}@{int(t) + gap}"
    return value


def ageless(effect: Effect) -> Effect:
    """Return the effect without the ages of what was seen: a value that was there before the gap is older after it."""
    return (
        replace(effect, operands=tuple(one[:2] for one in effect.operands))
        if isinstance(effect, rooms.Fired)
        else effect
    )  # type: ignore[arg-type]


def cut(
    after_gap: str, loads: list[float], at: int, gap: int, make: type[Engine] = Engine
) -> tuple[list[tuple[int, Effect]], list[tuple[int, Effect]]]:
    """Return what is wanted after the cut: by the run without one, and by the run with it."""
    events, end = readings(loads), (len(loads) + 40) * STEP
    whole, broken = Engine(plan(after_gap)), Engine(plan(after_gap))
    for engine in (whole, broken):
        engine.step(rooms.Started(0, 0, ()))
    moment = events[at - 1].t if at else 0
    run(whole, events[:at], moment)
    run(broken, events[:at], moment)
    expected = run(whole, events[at:], end)
    again = make(plan(after_gap))
    again.restore(broken.state())
    restarted = [(moment + gap, one) for one in again.step(rooms.Started(moment + gap, gap, ()))]
    shift = gap if after_gap == "keep" else 0
    rest = [later(one, gap) if after_gap == "keep" else one for one in events[at:]]
    came = run(again, [one for one in rest if one.t > moment + gap - (shift or 0)], end + shift)
    is_again = rooms.Book
    unsettled = {str(e.booking.act) for _, e in run_to(after_gap, events[:at], moment) if isinstance(e, is_again)}
    fresh = [(t, e) for t, e in restarted if not (isinstance(e, is_again) and str(e.booking.act) in unsettled)]
    return expected, fresh + came


def run_to(after_gap: str, events: list[Event], until: int) -> list[tuple[int, Effect]]:
    """Return what a run wanted so far: its bookings are not settled, and are wanted again after a start."""
    engine = Engine(plan(after_gap))
    engine.step(rooms.Started(0, 0, ()))
    return run(engine, events, until)


LOADS = st.lists(st.sampled_from([30.0, 60.0, 90.0, 90.0]), min_size=1, max_size=14)


@settings(max_examples=60, deadline=None)
@given(loads=LOADS, gap=st.integers(1, 20_000).map(lambda ms: ms * MS), data=st.data())
def test_with_keep_a_gap_only_makes_everything_later(loads: list[float], gap: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(loads)))
    expected, came = cut("keep", loads, at, gap)

    assert [(t + gap, ageless(later(one, gap))) for t, one in expected] == [(t, ageless(one)) for t, one in came]


@settings(max_examples=60, deadline=None)
@given(loads=LOADS, data=st.data())
def test_with_fire_if_elapsed_a_restart_between_two_events_changes_nothing(
    loads: list[float], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(loads)))
    expected, came = cut("fire_if_elapsed", loads, at, 1 * MS)

    assert expected == came


@settings(max_examples=40, deadline=None)
@given(gap=st.integers(1, 60_000).map(lambda ms: ms * MS))
def test_with_fire_if_elapsed_what_fell_due_in_the_gap_is_done_at_the_start_and_once(gap: int) -> None:
    _, came = cut("fire_if_elapsed", [90.0], 1, gap)
    held = [t for t, one in came if isinstance(one, rooms.Fired) and one.rule == "held"]

    assert held == [max(STEP + 1 * S, STEP + gap)]


@settings(max_examples=60, deadline=None)
@given(loads=LOADS, gap=st.integers(1, 20_000).map(lambda ms: ms * MS), data=st.data())
def test_with_start_over_nothing_is_done_earlier_than_a_whole_time_after_the_start(
    loads: list[float], gap: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, len(loads)))
    _, came = cut("start_over", loads, at, gap)
    begun = readings(loads)[at - 1].t + gap
    firsts = {
        one.rule: t - begun for t, one in reversed(came) if isinstance(one, rooms.Fired) and one.what != "verified"
    }

    assert firsts.get("held", S) >= S
    assert firsts.get("hourly", 1700 * MS) >= 1700 * MS


def test_a_timer_that_is_lost_on_restart_is_noticed() -> None:
    """The negative control: an engine that forgets its watches over a restart."""

    class Forgetful(Engine):
        def restore(self, state: bytes) -> None:
            super().restore(state)
            for name in ("held", "again"):
                self.steering.watch(name).since_t = None

    expected, came = cut("fire_if_elapsed", [90.0, 90.0, 90.0], 2, 1 * MS, Forgetful)

    assert expected != came


@pytest.mark.parametrize("after_gap", ["start_over", "keep", "fire_if_elapsed"])
def test_a_question_and_its_item_end_once_however_often_the_daemon_is_gone(after_gap: str) -> None:
    ask = replace(service().flow[3], after_gap=after_gap)  # type: ignore[arg-type]
    bench = Bench(service(flow=(*service().flow[:3], ask)))
    bench.ask(1)
    bench.record(1)
    bench.intent(1, "refund", 0.1)
    verdicts = 0
    for _ in range(40):
        engine = Engine(bench.engine.plan)
        engine.restore(bench.engine.state())
        bench.engine = engine
        bench.t += 3 * S
        effects = bench.tell(rooms.Started(bench.t, 3 * S, ())) + bench.pass_s(2)
        verdicts += sum(isinstance(one, rooms.Decided) for one in effects)

    assert verdicts == 1
    assert bench.engine.asks() == []
