"""Rules over time: bounded steps, a pause, and a change that shows its effect or is undone."""

from __future__ import annotations

import itertools

import pytest
from engine.plans import LABEL, MS, line
from engine.world import World, only

from ripieno import engine as rooms
from ripieno.engine import Alarm, Fired, Set
from ripieno.plan import AggregateRef, Compare, Const, SetpointEffect, VerifyPlan
from ripieno.values import Health


def running(world: World) -> World:
    world.start()
    return world


def feed(world: World, labels: str) -> list[rooms.Effect]:
    """Judge one part for each letter: n(ormal), o(ver), u(nder), or ? for an unhealthy answer."""
    effects: list[rooms.Effect] = []
    names = {"n": "normal", "o": "over", "u": "under", "?": ""}
    first = world.engine.counters.get("triggers", 0) + 1
    for number, letter in enumerate(labels, start=first):
        world.edge(number)
        world.frame(number * 50.0 + 120.0)
        effects += world.result(number, names[letter], health=Health.FAILED if letter == "?" else Health.GOOD)
    return effects


def fired(effects: list[rooms.Effect]) -> list[tuple[str, float, float]]:
    return [(each.what, each.before, each.after) for each in only(effects, Fired)]


def test_too_many_over_extruded_parts_lower_the_flow_by_one_step() -> None:
    effects = feed(running(World()), "oooo")

    assert fired(effects) == [("changed", 100.0, 95.0)]
    assert [each.setpoint.value for each in only(effects, Set)] == [95.0]


def test_fewer_samples_than_the_minimum_change_nothing() -> None:
    assert fired(feed(running(World()), "ooo")) == []


def test_unknown_results_are_no_evidence() -> None:
    assert fired(feed(running(World()), "o?o?o?")) == []


def test_a_change_that_helped_is_kept() -> None:
    within_five = VerifyPlan(5, 0, Compare("<", AggregateRef(0), Const(0.5)), "undo")
    effects = feed(running(World(line(trim={"verify": within_five}))), "oooo" + "nnnnn")

    assert [what for what, _, _ in fired(effects)][:2] == ["changed", "verified"]


def test_a_change_that_did_not_help_is_undone() -> None:
    effects = feed(running(World()), "oooooooo")

    assert fired(effects)[:2] == [("changed", 100.0, 95.0), ("undone", 95.0, 100.0)]
    assert "change-without-effect" in [each.code for each in only(effects, Alarm)]


def test_while_a_change_is_on_trial_no_other_is_made() -> None:
    assert len(fired(feed(running(World()), "ooooooo"))) == 1


def test_after_acting_the_rule_rests() -> None:
    world = running(World(line(trim={"verify": None, "cooldown_ns": 1_000 * MS})))
    times = []
    for _ in range(30):
        effects = feed(world, "o")
        times += [world.t for _ in fired(effects)]

    assert all(after - before >= 1_000 * MS for before, after in itertools.pairwise(times))
    assert len(times) > 2


def test_a_change_stays_in_range_and_the_limit_is_told_once() -> None:
    world = running(World(line(trim={"verify": None, "cooldown_ns": 0})))
    effects = feed(world, "o" * 20)

    assert world.engine.scene.setpoints["flow"] == 80.0
    assert [each.code for each in only(effects, Alarm)] == ["setpoint-at-limit"]


def test_no_single_act_makes_a_larger_change_than_step() -> None:
    effects = feed(running(World(line(trim={"do": (SetpointEffect("flow", "set", Const(81.0)),)}))), "oooo")

    assert fired(effects) == [("changed", 100.0, 95.0)]


def test_for_needs_the_condition_to_hold_without_a_break() -> None:
    world = running(World(line(trim={"for_ns": 350 * MS, "verify": None})))

    assert fired(feed(world, "oooo")) == []
    assert fired(feed(world, "ooo")) == []
    assert fired(feed(world, "o")) == [("changed", 100.0, 95.0)]


def test_for_elapses_by_a_tick_though_nothing_else_happens() -> None:
    world = running(World(line(trim={"for_ns": 2_000 * MS, "verify": None})))
    feed(world, "oooo")
    due = world.engine.next_deadline()

    assert due == world.t + 2_000 * MS
    assert fired(world.tell(rooms.Tick(due))) == [("changed", 100.0, 95.0)]


@pytest.mark.parametrize(("policy", "left_ms"), [("start_over", 1_000), ("keep", 600), ("fire_if_elapsed", 0)])
def test_after_a_gap_for_goes_on_as_the_rule_says(policy: str, left_ms: int) -> None:
    """400 ms of 1 s have passed when the process dies; it is back after 5 s."""
    world = running(World(line(trim={"for_ns": 1_000 * MS, "verify": None, "after_gap": policy})))
    feed(world, "oooo")
    world.tell(rooms.Tick(world.t + 400 * MS))
    world.t += 5_400 * MS
    effects = world.tell(rooms.Started(world.t, 5_000 * MS, ()))

    if left_ms == 0:
        assert len(fired(effects)) == 1
    else:
        assert fired(effects) == []
        assert world.engine.next_deadline() == world.t + left_ms * MS


def test_a_device_that_comes_back_takes_the_setpoint_again() -> None:
    world = running(World())
    feed(world, "oooo")
    effects = world.tell(rooms.DeviceChanged(world.t, "conveyor", True, 7, ""))

    assert [each.setpoint.value for each in only(effects, Set)] == [95.0]


def test_a_rule_over_time_sees_the_newest_result_until_it_is_too_old() -> None:
    is_over = Compare("==", LABEL, Const("over"))
    world = running(World(line(trim={"when": is_over, "for_ns": 150 * MS, "verify": None})))

    assert fired(feed(world, "oo")) == []
    assert len(fired(feed(world, "o"))) == 1
    feed(world, "o")
    effects = world.tell(rooms.Tick(world.t + 201 * MS))
    assert fired(effects) == []
