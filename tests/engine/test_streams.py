"""Values that belong to no item: evidence, windows, joins, derived values, and the models and rules behind them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from engine.plans import MS, rule
from engine.world import only

from ripieno import engine as rooms
from ripieno.engine import Effect, Engine
from ripieno.plan import (
    Aggregate,
    AggregateRef,
    AgreeStep,
    BookingEffect,
    Compare,
    Const,
    Feature,
    FieldLimits,
    FlowStep,
    InputPlan,
    JoinStep,
    MapStep,
    ModelPlan,
    Operand,
    OutputPlan,
    PipelinePlan,
    RulePlan,
    SetpointEffect,
    StepPlan,
    WindowStep,
)
from ripieno.plan.expressions import Arithmetic
from ripieno.values import UNKNOWN, Health

S = 1_000 * MS
LOAD, SPEED = Operand("input", "spindle", "load", "number"), Operand("input", "spindle", "speed", "number")


def machine(
    *flow: FlowStep,
    steps: tuple[StepPlan, ...] = (),
    rules: tuple[RulePlan, ...] = (),
    aggregates: tuple[Aggregate, ...] = (),
    limits: tuple[FieldLimits, ...] = (),
) -> PipelinePlan:
    """Return a spindle with two sensors, a feed that can be set, and tasks that can be booked."""
    return PipelinePlan(
        name="machine",
        version="1",
        bundle="",
        manifest_sha256="",
        inputs=(
            InputPlan("spindle", "reading", 200 * MS, (("load", "%"), ("speed", "rpm")), limits),
            InputPlan("scale", "reading", 200 * MS, (("mass", "g"),)),
            InputPlan("top", "frame", 200 * MS),
        ),
        outputs=(
            OutputPlan("feed", "setpoint", "%", 100.0, low=50.0, high=120.0, step=50.0, lease_ns=1 * S),
            OutputPlan("tasks", "booking", "", ""),
        ),
        items=(),
        models=(
            ModelPlan("wear", "wear.tflite", "ee" * 32, "regress", ("wear",), {}),
            ModelPlan("find", "find.tflite", "aa" * 32, "detect", ("screw",), {}),
            ModelPlan("closer", "closer.tflite", "bb" * 32, "classify", ("good", "bad"), {}),
        ),
        steps=steps,
        aggregates=aggregates,
        rules=rules,
        flow=flow,
    )


class Shop:
    """Sensors that read at a rhythm."""

    def __init__(self, plan: PipelinePlan) -> None:
        self.engine = Engine(plan)
        self.t = 0
        self.effects: list[Effect] = self.engine.step(rooms.Started(0, 0, ()))

    def tell(self, event: rooms.Event) -> list[Effect]:
        """Step, and remember."""
        effects = self.engine.step(event)
        self.effects += effects
        return effects

    def spindle(self, load: float, speed: float = 3000.0, after_ms: int = 100, taken_ms: int = 0) -> list[Effect]:
        """The spindle's sensor reads."""
        self.t += after_ms * MS
        taken = self.t + taken_ms * MS
        return self.tell(rooms.ReadingSeen(self.t, "spindle", (load, speed), taken, "good"))

    def scale(self, mass: float, after_ms: int = 0) -> list[Effect]:
        """The scale reads."""
        self.t += after_ms * MS
        return self.tell(rooms.ReadingSeen(self.t, "scale", (mass,), self.t, "good"))

    def tick(self, after_ms: int) -> list[Effect]:
        """Time passes."""
        self.t += after_ms * MS
        return self.tell(rooms.Tick(self.t))

    def value(self, operand: Operand) -> object:
        """Return what a rule would see."""
        return self.engine.scene.look_up(operand)


LIMITS = FieldLimits("load", 0.0, 150.0, -200.0, 200.0, 1 * S)


@pytest.mark.parametrize(
    ("load", "health"),
    [
        (math.nan, "non-finite"),
        (math.inf, "non-finite"),
        (151.0, "out-of-range"),
        (-1.0, "out-of-range"),
        (200.0, "saturated"),
        (-200.0, "saturated"),
    ],
)
def test_a_number_that_is_no_evidence_is_unknown_and_said_once(load: float, health: str) -> None:
    shop = Shop(machine(limits=(LIMITS,)))
    shop.spindle(50.0)
    first, again = shop.spindle(load), shop.spindle(load)

    assert shop.value(LOAD) is UNKNOWN
    assert shop.value(SPEED) == 3000.0, "the other field of the same reading is good"
    assert [one.code for one in only(first + again, rooms.Alarm)] == [f"reading-{health}"]
    assert only(shop.spindle(50.0), rooms.Alarm), "that it is good again is said too"
    assert shop.value(LOAD) == 50.0


def test_a_sensor_that_never_changes_is_stuck_after_its_time_and_not_before() -> None:
    shop = Shop(machine(limits=(LIMITS,)))
    for _ in range(10):
        shop.spindle(50.0)
    before = shop.value(LOAD)
    shop.spindle(50.0)

    assert before == 50.0
    assert shop.value(LOAD) is UNKNOWN
    shop.spindle(50.1)
    assert shop.value(LOAD) == 50.1


def resting(*moves: tuple[float, float]) -> list[str]:
    """Return the alarms of a sensor that reads the same 10 times a second on a line with a belt.

    Args:
        moves: for so many s, at so many mm/s.
    """
    plan = machine(limits=(replace(LIMITS, stuck_ns=2 * S),))
    shop = Shop(replace(plan, inputs=(*plan.inputs, InputPlan("belt", "position", 500 * MS))))
    at_mm, told = 0.0, []
    for seconds, speed in moves:
        for _ in range(round(seconds * 10)):
            at_mm += speed / 10
            shop.tell(rooms.PositionSeen(shop.t, "belt", at_mm, 1, 0, shop.t))
            told += only(shop.spindle(50.0), rooms.Alarm)
    return [one.code for one in told]


def test_at_a_line_that_rests_a_number_that_does_not_change_is_no_stuck_sensor() -> None:
    assert resting((3600, 0.0)) == []
    assert resting((600, 0.01)) == [], "a belt that creeps rests"
    assert resting((600, 0.0), (1.5, 100.0), (600, 0.0)) == [], "what it rested is not counted when it moves again"
    assert resting((1.5, 100.0), (600, 0.0)) == []


def test_at_a_line_that_moves_it_is_one_after_its_time_also_if_it_rests_between() -> None:
    assert resting((3, 100.0)) == ["reading-stuck"]
    assert resting((1.2, 100.0), (600, 0.0), (1.2, 100.0)) == ["reading-stuck"]
    assert resting((3, 100.0), (600, 0.0)) == ["reading-stuck"], "and it stays one"


@pytest.mark.parametrize("taken_ms", [6, -150])
def test_a_reading_from_a_clock_that_runs_ahead_or_back_is_not_taken(taken_ms: int) -> None:
    shop = Shop(machine())
    shop.spindle(50.0)
    shop.spindle(60.0, after_ms=100, taken_ms=taken_ms)

    assert shop.value(LOAD) is UNKNOWN
    assert shop.engine.counters["readings_clock-drift"] == 1


WINDOW = WindowStep(
    "features",
    "spindle",
    1 * S,
    500 * MS,
    3,
    (Feature("rms", "rms", "load"), Feature("slope", "slope", "load"), Feature("last", "last", "speed")),
)
RMS = Operand("step", "features", "rms", "number")


def test_a_window_gives_its_features_in_its_rhythm() -> None:
    shop = Shop(machine(WINDOW))
    for load in (3.0, 4.0, 5.0, 6.0, 7.0):
        shop.spindle(load)
    early = shop.value(RMS)
    shop.spindle(8.0)

    assert early is UNKNOWN, "the first set is due 500 ms after the first sample"
    assert shop.value(RMS) == pytest.approx(math.sqrt((9 + 16 + 25 + 36 + 49 + 64) / 6))
    assert shop.value(replace(RMS, field="slope")) == pytest.approx(10.0), "1 in 100 ms is 10 per second"
    assert shop.value(replace(RMS, field="last")) == 3000.0


def test_a_feature_of_too_few_known_samples_is_unknown() -> None:
    shop = Shop(machine(WINDOW))
    for load in (3.0, math.nan, math.nan, math.nan, math.nan, 4.0):
        shop.spindle(load)

    assert shop.value(RMS) is UNKNOWN
    assert shop.value(replace(RMS, field="last")) == 3000.0


WEAR = StepPlan("wear", "wear", "", "", "", 0.0, "newest", "normal", 200 * MS, of=(RMS,), needs=("features",))


def test_a_model_of_values_is_asked_with_each_new_window() -> None:
    shop = Shop(machine(WINDOW, steps=(WEAR,)))
    for _ in range(11):
        shop.spindle(5.0)
    infers = only(shop.effects, rooms.Infer)
    answer = rooms.ResultSeen(
        shop.t, "wear", infers[0].sequence, None, infers[0].taken_t, shop.t, "good", "", 0.0, "", "ab", 1, 1, (), (0.7,)
    )
    shop.tell(answer)

    assert [one.given for one in infers] == [(5.0,), (5.0,)]
    assert shop.value(Operand("step", "wear", "wear", "number")) == 0.7


TURNING = Compare(">", SPEED, Const(100.0))


@pytest.mark.parametrize("speed", [50.0, math.nan], ids=["stands", "unknown"])
def test_a_model_of_values_is_asked_only_where_its_when_holds_and_is_unknown_elsewhere(speed: float) -> None:
    """A spindle that stands says nothing about its tool: neither is a new answer asked for nor the old one kept."""
    shop = Shop(machine(steps=(replace(WEAR, of=(LOAD,), needs=(), when=TURNING),)))
    wear = Operand("step", "wear", "wear", "number")
    (infer,) = only(shop.spindle(5.0, 3000.0), rooms.Infer)
    shop.tell(
        rooms.ResultSeen(
            *(shop.t, "wear", infer.sequence, None, infer.taken_t, shop.t, "good", "", 0.0, "", "ab", 1, 1, ()), (0.7,)
        )
    )
    while_it_turns = shop.value(wear)
    effects = shop.spindle(5.0, speed)

    assert (while_it_turns, only(effects, rooms.Infer)) == (0.7, [])
    assert shop.value(wear) is UNKNOWN
    assert len(only(shop.spindle(5.0, 3000.0), rooms.Infer)) == 1


@pytest.mark.parametrize(("speed", "asked"), [(3000.0, ["find"]), (50.0, []), (None, [])])
def test_a_model_of_frames_is_asked_only_where_its_when_holds(speed: float | None, asked: list[str]) -> None:
    shop = Shop(machine(steps=(replace(FIND, when=TURNING),)))
    if speed is not None:
        shop.spindle(5.0, speed)
    effects = shop.tell(rooms.FrameSeen(shop.t, "top", 4, None, shop.t))

    assert [one.step for one in only(effects, rooms.Infer)] == asked


def test_what_a_model_of_frames_said_is_unknown_from_the_first_frame_that_it_is_not_to_look_at() -> None:
    """As of a model of values: else a rule would act on a picture of before."""
    shop = Shop(machine(steps=(replace(FIND, when=TURNING),)))
    label = Operand("step", "find", "label", "text")
    shop.spindle(5.0, 3000.0)
    shop.tell(rooms.FrameSeen(shop.t, "top", 4, None, shop.t))
    shop.tell(rooms.ResultSeen(shop.t, "find", 4, None, shop.t, shop.t, "good", "screw", 0.9, "", "aa", 1, 1, ()))
    before = shop.value(label)
    shop.spindle(5.0, 50.0)
    effects = shop.tell(rooms.FrameSeen(shop.t, "top", 5, None, shop.t))

    assert [one.why for one in only(effects, rooms.Drop)] == ["not-wanted"]
    assert (before, shop.value(label)) == ("screw", UNKNOWN)


def test_a_closer_look_is_taken_only_where_its_when_holds() -> None:
    found = (("screw", 0.9, 0.2, 0.2, 0.4, 0.6),)
    asked = []
    for speed in (3000.0, 50.0):
        shop = Shop(machine(steps=(FIND, replace(CLOSER, when=TURNING))))
        shop.spindle(5.0, speed)
        shop.tell(rooms.FrameSeen(shop.t, "top", 4, None, shop.t))
        seen = rooms.ResultSeen(shop.t, "find", 4, None, shop.t, shop.t, "good", "screw", 0.9, "", "aa", 1, 1, found)
        asked.append([one.step for one in only(shop.tell(seen), rooms.Infer)])

    assert asked == [["closer"], []]


def test_an_answer_about_a_sensor_is_as_fresh_as_the_sensor_may_be_and_the_model_may_take() -> None:
    direct = replace(WEAR, of=(LOAD,), needs=())
    shop = Shop(machine(steps=(direct,)))
    (infer,) = only(shop.spindle(5.0), rooms.Infer)
    shop.t += 150 * MS
    shop.tell(
        rooms.ResultSeen(
            *(shop.t, "wear", infer.sequence, None, infer.taken_t, infer.taken_t, "good", "", 0.0, "", "ab", 1, 1, ()),
            (0.7,),
        )
    )
    shop.tick(249)
    fresh = shop.value(Operand("step", "wear", "wear", "number"))
    shop.tick(2)

    assert fresh == 0.7, "200 ms of the sensor and 200 ms of the model"
    assert shop.value(Operand("step", "wear", "wear", "number")) is UNKNOWN


def test_a_derived_value_follows_its_operands_and_is_unknown_with_them() -> None:
    torque = MapStep("torque", "", None, (), (("nm", Arithmetic("/", LOAD, SPEED)),))
    nm = Operand("step", "torque", "nm", "number")
    share = Aggregate("mean", "torque", nm, 0, 10, 1)
    shop = Shop(machine(torque, aggregates=(share,)))
    shop.spindle(30.0, 3000.0)
    shop.spindle(90.0, 3000.0)

    assert shop.value(nm) == 0.03
    assert shop.engine.scene.look_up(AggregateRef(0)) == pytest.approx(0.02)
    shop.tick(201)
    assert shop.value(nm) is UNKNOWN, "its operands are stale"


def joined(policy: str, wait_ms: int = 0) -> JoinStep:
    """Return a join of each load with a mass."""
    mass = Operand("input", "scale", "mass", "number")
    return JoinStep("pair", "", "spindle", ("scale",), policy, 50 * MS, wait_ms * MS, (("load", LOAD), ("mass", mass)))


MASS = Operand("step", "pair", "mass", "number")


def test_latest_takes_what_was_there_and_not_what_comes() -> None:
    shop = Shop(machine(joined("latest")))
    shop.scale(1.0, after_ms=60)
    shop.spindle(50.0, after_ms=40)
    shop.scale(2.0, after_ms=10)

    assert shop.value(MASS) == 1.0


def test_latest_does_not_take_what_is_too_old() -> None:
    shop = Shop(machine(joined("latest")))
    shop.scale(1.0)
    shop.spindle(50.0, after_ms=51)

    assert shop.value(MASS) is UNKNOWN


def test_nearest_waits_for_what_may_be_nearer_and_no_longer_than_it_may() -> None:
    shop = Shop(machine(joined("nearest", wait_ms=30)))
    shop.scale(1.0)
    shop.spindle(50.0, after_ms=20)
    waiting = shop.value(MASS)
    shop.scale(2.0, after_ms=10)

    assert waiting is UNKNOWN
    assert shop.value(MASS) == 2.0
    shop.spindle(50.0, after_ms=15)
    assert shop.engine.next_deadline() == shop.t + 30 * MS
    shop.tick(30)
    assert shop.value(MASS) == 2.0, "15 ms away, and nothing nearer came"


def test_all_of_uses_each_value_once() -> None:
    shop = Shop(
        machine(
            joined("all_of"), aggregates=(Aggregate("count", "pair", Compare(">", MASS, Const(0.0)), 60 * S, 0, 0),)
        )
    )
    shop.spindle(50.0)
    shop.scale(1.0, after_ms=20)
    shop.scale(2.0, after_ms=20)
    shop.spindle(60.0, after_ms=5)
    shop.scale(3.0, after_ms=200)

    assert shop.engine.scene.look_up(AggregateRef(0)) == 2.0


@pytest.mark.parametrize(
    ("values", "agreed"), [((5.0, 5.2, 9.0), 5.1), ((1.0, 5.0, 9.0), None), ((1.0, 1.1, 9.0, 9.1), None)]
)
def test_numbers_agree_within_their_tolerance(values: tuple[float, ...], agreed: float | None) -> None:
    of = tuple(Const(value) for value in values)
    shop = Shop(machine(AgreeStep("sure", "", None, (), of, 2, 0.5)))
    found = shop.value(Operand("step", "sure", "agreed", "number"))

    assert found == (UNKNOWN if agreed is None else pytest.approx(agreed))


FIND = StepPlan("find", "find", "top", "", "", 0.0, "newest", "normal", 200 * MS)
CLOSER = StepPlan(
    "closer", "closer", "top", "", "", 0.0, "newest", "normal", 200 * MS, needs=("find",), crop="find", margin=0.1
)


def test_a_model_that_looks_closer_is_shown_the_best_box_of_the_same_frame() -> None:
    shop = Shop(machine(steps=(FIND, CLOSER)))
    frame = shop.tell(rooms.FrameSeen(0, "top", 4, None, 0))
    found = (("screw", 0.9, 0.2, 0.2, 0.4, 0.6), ("screw", 0.6, 0.0, 0.0, 0.1, 0.1))
    effects = shop.tell(rooms.ResultSeen(0, "find", 4, None, 0, 0, "good", "screw", 0.9, "", "aa", 1, 1, found))

    assert [one.step for one in only(frame, rooms.Infer)] == ["find"]
    (closer,) = only(effects, rooms.Infer)
    assert (closer.step, closer.input, closer.sequence) == ("closer", "top", 4)
    assert closer.box == pytest.approx((0.18, 0.16, 0.42, 0.64))


def test_where_nothing_is_found_the_closer_look_is_unknown() -> None:
    shop = Shop(machine(steps=(FIND, CLOSER)))
    shop.tell(rooms.FrameSeen(0, "top", 4, None, 0))
    effects = shop.tell(rooms.ResultSeen(0, "find", 4, None, 0, 0, "good", "", 0.0, "", "aa", 1, 1, ()))

    assert not only(effects, rooms.Infer)
    assert shop.value(Operand("step", "closer", "label", "text")) is UNKNOWN


SLOW = rule("slow", when=Compare(">", LOAD, Const(80.0)), do=(SetpointEffect("feed", "set", Const(70.0)),))
TASK = rule("task", when=Compare(">", LOAD, Const(80.0)), do=(BookingEffect("tasks", "look", (("load", LOAD),)),))


def test_a_setpoint_whose_rules_are_blind_for_longer_than_its_lease_goes_back_to_safe() -> None:
    """A machine is not steered on what nobody knows any more."""
    shop = Shop(machine(rules=(SLOW,)))
    shop.spindle(90.0)
    shop.tick(201)
    kept = shop.engine.scene.setpoints["feed"]
    due = shop.engine.next_deadline()
    effects = shop.tick(1000)

    assert (kept, due) == (70.0, 100 * MS + 201 * MS + 1 * S)
    assert [one.setpoint.value for one in only(effects, rooms.Set)] == [100.0]
    assert [one.code for one in only(effects, rooms.Alarm)] == ["steering-blind"]
    assert shop.engine.next_deadline() is None


def test_a_rule_that_books_acts_once_for_each_time_its_condition_becomes_true() -> None:
    shop = Shop(machine(rules=(TASK,)))
    for load in (90.0, 91.0, 50.0, 92.0, 93.0):
        shop.spindle(load)
    books = only(shop.effects, rooms.Book)

    assert [one.booking.fields for one in books] == [(("load", 90.0),), (("load", 92.0),)]
    assert len({one.booking.act for one in books}) == 2


def test_a_booking_of_a_rule_over_time_is_wanted_again_after_a_start_until_it_is_settled() -> None:
    shop = Shop(machine(rules=(TASK,)))
    (book,) = only(shop.spindle(90.0), rooms.Book)
    engine = Engine(shop.engine.plan)
    engine.restore(shop.engine.state())
    again = only(engine.step(rooms.Started(shop.t + S, S, ())), rooms.Book)
    act = book.booking.act
    engine.step(rooms.ActSettled(shop.t, act.cause, act.output, act.index, "executed", "", 0, None, 0))

    assert [one.booking for one in again] == [book.booking]
    assert not only(engine.step(rooms.Started(shop.t + S, S, ())), rooms.Book)


def test_a_condition_that_time_alone_turns_is_looked_at_when_it_turns() -> None:
    """A share over a minute falls below its bound because a sample leaves the window, though nothing happens."""
    share = Aggregate("share", "spindle", Compare(">", LOAD, Const(80.0)), 60 * S, 0, 1)
    calm = rule("calm", when=Compare("<", AggregateRef(0), Const(0.5)), do=TASK.do)
    shop = Shop(machine(rules=(calm,), aggregates=(share,)))
    shop.spindle(90.0)
    shop.spindle(50.0, after_ms=30_000)
    booked = len(only(shop.effects, rooms.Book))
    due = shop.engine.next_deadline()
    assert due is not None
    shop.t = due
    shop.tell(rooms.Tick(due))

    assert (booked, due) == (0, 100 * MS + 60 * S)
    assert len(only(shop.effects, rooms.Book)) == 1


def test_a_sensor_that_falls_silent_breaks_what_must_hold_without_a_break() -> None:
    slow = replace(TASK, for_ns=1 * S)
    shop = Shop(machine(rules=(slow,)))
    shop.spindle(90.0)
    while (due := shop.engine.next_deadline()) is not None and due < 700 * MS:
        shop.t = due
        shop.tell(rooms.Tick(due))
    shop.t = 800 * MS
    for _ in range(5):
        shop.spindle(90.0)

    assert not only(shop.effects, rooms.Book), "it was unknown from 300 ms to 900 ms"


HOURLY = rule("hourly", every_ns=10 * S, do=(BookingEffect("tasks", "report", ()),))


@pytest.mark.parametrize(("after_gap", "fires_s"), [("start_over", 31), ("keep", 27), ("fire_if_elapsed", 21)])
def test_a_schedule_goes_on_after_a_gap_as_it_says(after_gap: str, fires_s: int) -> None:
    """Due at 10, 20, ...; the daemon is away from 4 s to 21 s."""
    plan = machine(rules=(replace(HOURLY, after_gap=after_gap),))
    before = Engine(plan)
    before.step(rooms.Started(0, 0, ()))
    before.step(rooms.Tick(4 * S))
    engine = Engine(plan)
    engine.restore(before.state())
    fired: list[int] = []
    if only(engine.step(rooms.Started(21 * S, 17 * S, ())), rooms.Book):
        fired.append(21)
    while not fired:
        due = engine.next_deadline()
        assert due is not None
        fired += [due // S] if only(engine.step(rooms.Tick(due)), rooms.Book) else []

    assert fired == [fires_s]


def test_a_snapshot_of_streams_at_any_point_changes_nothing() -> None:
    wear_wins = rule("worn", when=Compare(">", RMS, Const(4.0)), for_ns=300 * MS, do=SLOW.do)
    plan = machine(WINDOW, joined("nearest", 30), steps=(WEAR,), rules=(wear_wins, TASK, HOURLY), limits=(LIMITS,))
    log: list[rooms.Event] = [rooms.Started(0, 0, ())]
    for index in range(60):
        t = (index + 1) * 100 * MS
        value = math.nan if index % 7 == 3 else 40.0 + (index % 13) * 5
        log.append(rooms.ReadingSeen(t, "spindle", (value, 3000.0 + index), t, Health.GOOD.value))
        if index % 3 == 0:
            log.append(rooms.ReadingSeen(t + 7 * MS, "scale", (float(index),), t + 7 * MS, Health.GOOD.value))
        if index % 5 == 0:
            log.append(rooms.Tick(t + 50 * MS))
    for cut in range(0, len(log), 7):
        engine, again = Engine(plan), Engine(plan)
        for event in log[:cut]:
            engine.step(event)
        again.restore(engine.state())
        for event in log[cut:]:
            assert again.step(event) == engine.step(event)

        assert again.state() == engine.state()
