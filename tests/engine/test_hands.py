"""Outputs out of the rules' hands: what rules want is told and not done, and never comes later."""

from __future__ import annotations

import pytest
from engine.plans import MS, line
from engine.test_determinism import DEEDS, live
from engine.world import EPOCH, World, only
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno import engine as rooms
from ripieno.engine import Engine, pack_event, unpack_event
from ripieno.values import ItemId, OutcomeKind, Trigger

HOWS = ("observe", "manual", "bypass")


def take(world: World, output: str, how: str, value: float | None = None) -> list[rooms.Effect]:
    """Take an output from its rules, or give it back."""
    return world.tell(rooms.OutputTaken(world.t, output, how, value))


def begun() -> World:
    """Return a world that has started."""
    world = World()
    world.start()
    return world


def over(world: World, count: int, first: int = 1) -> int:
    """Let so many over-extruded parts come; return the number of the next part."""
    for number in range(first, first + count):
        world.part(number, "over")
    return first + count


@pytest.mark.parametrize("how", HOWS)
def test_a_part_of_a_taken_gate_is_decided_and_its_act_is_told_and_not_wanted(how: str) -> None:
    world = begun()
    take(world, "gate", how)
    effects = world.part(1, "normal")

    assert only(effects, rooms.Fire) == []
    (withheld,) = only(effects, rooms.Withheld)
    assert (str(withheld.act), withheld.how, withheld.rule) == (f"{ItemId('part', EPOCH, 1)}/gate/0", how, "pass")
    assert [one.verdict for one in only(effects, rooms.Decided)] == ["good"]
    assert world.engine.counters[f"withheld_{how}"] == 1
    assert "acts_intended" not in world.engine.counters


@pytest.mark.parametrize(("how", "way"), [("observe", "withheld"), ("manual", "withheld"), ("bypass", "diverted")])
def test_where_the_part_went_is_claimed_only_where_the_output_stands_safe(how: str, way: str) -> None:
    """Somebody else moves an output that is observed or in hand; one that is bypassed stands in its safe state."""
    world = begun()
    take(world, "gate", how)
    world.part(1, "normal")
    effects = world.move(50.0 + 640.0 + 25.0 + 8.0, 1)

    assert [(one.way, one.why) for one in only(effects, rooms.Closed)] == [(way, f"withheld: {how}")]


def test_given_back_nothing_comes_that_was_withheld() -> None:
    world = begun()
    take(world, "gate", "observe")
    world.part(1, "normal")
    effects = take(world, "gate", "")
    effects += world.move(60.0, 1)
    effects += world.part(2, "normal")

    assert [one.pulse.act.cause for one in only(effects, rooms.Fire)] == [str(ItemId("part", EPOCH, 2))]


def test_an_act_on_its_way_keeps_its_outcome_when_the_output_is_taken() -> None:
    world = begun()
    world.part(1, "normal")
    take(world, "gate", "observe")
    effects = world.settle(1, OutcomeKind.EXECUTED)

    assert [one.way for one in only(effects, rooms.Closed)] == ["passed"]


@pytest.mark.parametrize("how", ["observe", "bypass"])
def test_a_correction_of_a_taken_setpoint_is_told_once_a_cooldown_and_moves_nothing(how: str) -> None:
    world = begun()
    take(world, "flow", how, 100.0)
    world.effects.clear()
    over(world, 8)

    fired = only(world.effects, rooms.Fired)
    assert fired and {one.what for one in fired} == {f"withheld: {how}"}
    assert {(one.before, one.after) for one in fired} == {(100.0, 95.0)}
    assert only(world.effects, rooms.Set) == []
    assert world.engine.scene.setpoints["flow"] == 100.0
    assert len(fired) < 8, "the rule must rest between two wishes"


def test_a_rule_without_a_pause_tells_its_wish_once_while_its_condition_holds() -> None:
    world = World(line(trim={"cooldown_ns": 0, "verify": None}))
    world.start()
    take(world, "flow", "observe", 100.0)
    over(world, 20)

    assert len(only(world.effects, rooms.Fired)) == 1


def test_given_back_the_rules_go_on_from_where_the_setpoint_stands() -> None:
    world = begun()
    number = over(world, 5)
    assert world.engine.scene.setpoints["flow"] < 100.0
    take(world, "flow", "manual", 110.0)
    assert [one.setpoint.value for one in only(world.effects, rooms.Set)][-1] == 110.0
    effects = take(world, "flow", "", None)

    assert [one.setpoint.value for one in only(effects, rooms.Set)] == [110.0]
    world.t += 2_000 * MS
    world.effects.clear()
    over(world, 8, number)
    assert next(one.after for one in only(world.effects, rooms.Fired)) == 105.0


def test_a_change_on_trial_is_forgotten_and_never_undone_when_its_setpoint_is_taken() -> None:
    world = begun()
    number = over(world, 5)
    assert only(world.effects, rooms.Fired)[-1].what == "changed"
    take(world, "flow", "bypass", 100.0)
    world.effects.clear()
    over(world, 10, number)

    assert {one.what for one in only(world.effects, rooms.Fired)} == {"withheld: bypass"}


@pytest.mark.parametrize(("how", "told"), [("observe", []), ("bypass", []), ("manual", [93.0])])
def test_a_device_that_comes_back_is_told_a_persons_value_and_none_of_a_setpoint_that_nobody_has(
    how: str, told: list[float]
) -> None:
    world = begun()
    take(world, "flow", how, 93.0)
    effects = world.tell(rooms.DeviceChanged(world.t, "conveyor", True, EPOCH, ""))

    assert [one.setpoint.value for one in only(effects, rooms.Set)] == told


def test_a_pulse_by_hand_is_an_act_like_any_other() -> None:
    world = begun()
    take(world, "gate", "manual")
    effects = world.tell(rooms.PulseByHand(world.t, "gate", "uid 0 (root)"))
    (fire,) = only(effects, rooms.Fire)

    assert (fire.pulse.trigger, fire.pulse.hold_s, fire.pulse.act.cause) == (Trigger.NOW, 0.4, f"hand@{world.t}")
    act = fire.pulse.act
    world.tell(rooms.ActSettled(world.t, act.cause, act.output, act.index, "executed", "", world.t, 1.0, world.t))
    counters = world.engine.counters
    assert (counters["acts_by_hand"], counters["acts_by_hand_executed"]) == (1, 1)
    assert "outcomes_unexpected" not in counters and "acts_executed" not in counters


def test_two_pulses_by_hand_in_one_instant_are_two_acts() -> None:
    world = begun()
    effects = [one for _ in range(3) for one in world.tell(rooms.PulseByHand(world.t, "gate", "ada"))]

    assert len({one.pulse.act for one in only(effects, rooms.Fire)}) == 3


def test_after_a_crash_a_pulse_by_hand_is_asked_for_or_over_and_never_wanted_again() -> None:
    world = begun()
    effects = world.tell(rooms.PulseByHand(world.t, "gate", "ada"))
    effects += world.tell(rooms.PulseByHand(world.t, "gate", "ada"))
    sent, lost = (one.pulse.act for one in only(effects, rooms.Fire))
    again = world.tell(rooms.Started(world.t, 0, ((*sent, b"ada"),)))

    assert only(again, rooms.Fire) == []
    world.tell(rooms.ActSettled(world.t, *lost, "executed", "", 0, None, 0))
    assert world.engine.counters["outcomes_unexpected"] == 1
    world.tell(rooms.ActSettled(world.t, *sent, "in-doubt", "the board was reset", 0, None, 0))
    assert world.engine.counters["acts_by_hand_in-doubt"] == 1
    assert world.engine.counters["acts_by_hand_not-executed"] == 1


TAKEN = st.tuples(st.sampled_from(["gate", "flow"]), st.sampled_from(["", *HOWS]), st.sampled_from([None, 90.0, 100.0]))


@settings(max_examples=60)
@given(before=DEEDS, taken=st.lists(TAKEN, max_size=5), after=DEEDS)
def test_a_snapshot_and_the_record_give_the_same_engine_in_every_mode(
    before: list[tuple[str, object]], taken: list[tuple[str, str, float | None]], after: list[tuple[str, object]]
) -> None:
    world = live(before)
    for output, how, value in taken:
        take(world, output, how, value)
        world.tell(rooms.PulseByHand(world.t, "gate", "ada"))
    copy = Engine(world.plan)
    copy.restore(world.engine.state())
    assert copy.state() == world.engine.state()
    world.engine, world.log = copy, []
    now = live(after)
    for event in now.log:
        world.tell(unpack_event(pack_event(event)))
        gate, flow = (world.engine.taken().get(name) for name in ("gate", "flow"))
        if gate:
            assert not only(world.engine.scene.effects, rooms.Fire)
        if flow in ("observe", "bypass"):
            assert not only(world.engine.scene.effects, rooms.Set)


def test_a_snapshot_of_the_format_before_is_taken() -> None:
    """It has no outputs that are taken; what is in force is told anew at each start."""
    import msgpack

    world = begun()
    world.part(1, "normal")
    form, *parts = msgpack.unpackb(world.engine.state(), raw=False, strict_map_key=False)
    assert form == 3
    copy = Engine(world.plan)
    copy.restore(msgpack.packb([2, *parts[:-1]], use_bin_type=True))

    assert copy.state() == world.engine.state()
