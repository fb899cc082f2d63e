"""Detections in the engine: fields for rules, results of their own, and pictures that are known to be bad."""

from __future__ import annotations

from dataclasses import replace

import msgpack
from engine.plans import MS, line
from engine.world import EPOCH, World, only

from ripieno import engine as rooms
from ripieno.plan import Compare, Const, InputPlan, ModelPlan, Operand, PipelinePlan, SetpointEffect, StepPlan
from ripieno.values import Health

from .plans import rule

BOTTLE = ("bottle", 0.9, 0.1, 0.2, 0.3, 0.4)
PERSON = ("person", 0.8, 0.5, 0.2, 0.7, 0.9)


def crowd(report: str = "every") -> PipelinePlan:
    """A free-running camera whose model detects; the flow goes down while it counts two or more."""
    many = Compare(">=", Operand("step", "count", "count", "number"), Const(2.0))
    plan = line(rule("many", when=many, do=(SetpointEffect("flow", "change", Const(-5.0)),)))
    return replace(
        plan,
        inputs=(*plan.inputs, InputPlan("hall", "frame", 500 * MS)),
        models=(*plan.models, ModelPlan("ssd", "ssd.tflite", "cd" * 32, "detect", ("bottle", "person"), {})),
        steps=(*plan.steps, StepPlan("count", "ssd", "hall", "", "", 0.0, "newest", "normal", 300 * MS, report)),
    )


class Hall(World):
    def seen(self, *found: tuple[str, float, float, float, float, float], health: str = "good") -> list[rooms.Effect]:
        self.t += 50 * MS
        self.sequence += 1
        label, score = (found[0][0], found[0][1]) if found else ("", 0.0)
        answer = rooms.ResultSeen(
            *(self.t, "count", self.sequence, None, self.t, self.t),
            *(health, label, score, "", "cafe", 1, 2, tuple(found)),
        )
        return self.tell(answer)

    def picture(self, health: Health = Health.GOOD, why: str = "", still_ms: int = 0) -> list[rooms.Effect]:
        self.t += 50 * MS
        self.sequence += 1
        return self.tell(rooms.FrameSeen(self.t, "hall", self.sequence, None, self.t, health.value, why, still_ms * MS))


def test_a_rule_reads_how_many_were_found() -> None:
    hall = Hall(crowd())
    hall.start()

    assert only(hall.seen(BOTTLE), rooms.Fired) == []
    assert only(hall.seen(BOTTLE, PERSON), rooms.Fired) != []


def test_every_answer_is_reported_with_its_boxes() -> None:
    hall = Hall(crowd())
    hall.start()

    (told,) = only(hall.seen(BOTTLE, PERSON), rooms.Reported)

    assert (told.count, told.found, told.model) == (2, (BOTTLE, PERSON), "cd" * 8)


def test_an_unknown_answer_is_reported_as_unknown() -> None:
    hall = Hall(crowd())
    hall.start()

    (told,) = only(hall.seen(health="late"), rooms.Reported)

    assert (told.health, told.count, told.found) == ("late", 0, ())


def test_of_changes_only_those_are_reported() -> None:
    hall = Hall(crowd("changes"))
    hall.start()

    told = [
        bool(only(effects, rooms.Reported))
        for effects in (
            hall.seen(BOTTLE),
            hall.seen(BOTTLE),
            hall.seen(BOTTLE, PERSON),
            hall.seen(PERSON, BOTTLE),
            hall.seen(health="late"),
            hall.seen(health="late"),
            hall.seen(),
            hall.seen(),
        )
    ]

    assert told == [True, False, True, False, True, False, True, False]


def test_a_bad_picture_is_shown_to_no_model_and_its_answer_is_unknown() -> None:
    hall = Hall(crowd())
    hall.start()

    effects = hall.picture(Health.DARK, "99 % of it is black")

    assert only(effects, rooms.Infer) == []
    assert [(one.health, one.why) for one in only(effects, rooms.Reported)] == [("dark", "99 % of it is black")]
    assert [(one.code, one.text) for one in only(effects, rooms.Alarm)] == [
        ("picture-dark", "hall: 99 % of it is black")
    ]


def test_an_alarm_is_given_once_and_once_more_when_it_is_over() -> None:
    hall = Hall(crowd())
    hall.start()

    codes = [
        one.code
        for effects in (
            hall.picture(),
            hall.picture(Health.DARK, "dark"),
            hall.picture(Health.DARK, "dark"),
            hall.picture(),
            hall.picture(),
        )
        for one in only(effects, rooms.Alarm)
    ]

    assert codes == ["picture-dark", "picture-good"]


def test_the_same_picture_while_the_belt_moves_is_frozen() -> None:
    hall = Hall(crowd())
    hall.start()
    hall.picture()
    hall.picture(still_ms=50)
    hall.move(30.0, 0)

    (told,) = only(hall.picture(still_ms=2000), rooms.Alarm)

    assert (told.code, told.text) == (
        "picture-frozen",
        "hall: the same picture for 2.0 s, while the line moved 30 mm",
    )


def test_the_same_picture_of_a_line_at_rest_is_no_alarm() -> None:
    hall = Hall(crowd())
    hall.start()
    hall.move(100.0, 0)
    effects = [hall.picture(), hall.picture(still_ms=50)]
    hall.move(100.0, 0)
    effects += [hall.picture(still_ms=60_000)]

    assert [one for each in effects for one in only(each, rooms.Alarm)] == []
    assert len(only(effects[-1], rooms.Infer)) == 1


def test_no_part_is_judged_by_the_picture_of_another() -> None:
    """Found by `ripieno sim run`: of a frozen camera the pictures until the next position were taken for new."""
    world = World()
    world.start()
    world.part(1, "normal")
    world.edge(2)
    effects = world.tell(rooms.FrameSeen(world.t, "top", 2, 100.0 + 120.0, world.t, "good", "", 100 * MS))

    assert only(effects, rooms.Infer) == []
    assert [(one.item.number, one.verdict) for one in only(effects, rooms.Decided)] == [(2, "undecided")]


def test_the_same_picture_of_a_part_that_hardly_moved_is_no_alarm() -> None:
    world = World()
    world.start()
    world.edge(1)
    world.frame(170.0)
    effects = world.tell(rooms.FrameSeen(world.t, "top", 2, 175.0, world.t, "good", "", 100 * MS))

    assert only(effects, rooms.Alarm) == []


def test_a_board_that_forgot_its_position_freezes_no_picture() -> None:
    hall = Hall(crowd())
    hall.start()
    hall.move(100.0, 0)
    hall.picture(still_ms=50)
    hall.tell(rooms.PositionSeen(hall.t, "belt", 0.0, EPOCH + 1, 0, hall.t))

    assert only(hall.picture(still_ms=100), rooms.Alarm) == []


def test_what_is_wrong_with_a_picture_survives_a_restart() -> None:
    hall = Hall(crowd("changes"))
    hall.start()
    hall.seen(BOTTLE)
    hall.picture(Health.DARK, "dark")
    after = Hall(crowd("changes"))
    after.engine.restore(hall.engine.state())
    after.t, after.sequence = hall.t, hall.sequence

    assert only(after.picture(Health.DARK, "dark"), rooms.Alarm) == []
    assert after.engine.state() != b"" and hall.engine.counters["results_dark"] == 1


def test_events_of_an_older_ledger_are_read() -> None:
    """Before there were detections, a result had 14 numbers and a frame six."""
    result = msgpack.packb([6, 9, "look", 3, ["part", 7, 4], 8, 8, "good", "over", 0.7, "", "cafe", 1, 2])
    frame = msgpack.packb([5, 9, "top", 3, 120.0, 8])

    seen, taken = rooms.unpack_event(result), rooms.unpack_event(frame)

    assert isinstance(seen, rooms.ResultSeen) and (seen.label, seen.found) == ("over", ())
    assert isinstance(taken, rooms.FrameSeen) and (taken.health, taken.still_ns) == ("good", 0)


def test_events_come_back_with_their_boxes() -> None:
    event = rooms.ResultSeen(1, "count", 1, None, 1, 1, "good", "bottle", 0.9, "", "", 1, 2, (BOTTLE, PERSON))

    assert rooms.unpack_event(rooms.pack_event(event)) == event
