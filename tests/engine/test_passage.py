"""An item's way: decided once, let through by an act, undecided and diverted whenever anything is missing."""

from __future__ import annotations

from dataclasses import replace

import msgpack
import pytest
from engine.plans import LABEL, line, rule
from engine.world import EPOCH, World, only

from ripieno import engine as rooms
from ripieno.engine import Book, Closed, Decided, Drop, Engine, Fire, Infer
from ripieno.engine.items import item_of
from ripieno.plan import And, BookingEffect, Compare, Const, Operand, Otherwise
from ripieno.values import Health, ItemId, OutcomeKind


@pytest.fixture
def world() -> World:
    made = World()
    made.start()
    return made


def verdicts(effects: list[rooms.Effect]) -> list[tuple[int, str]]:
    return [(each.item.number, each.verdict) for each in only(effects, Decided)]


def test_a_good_part_is_let_through_at_its_own_place(world: World) -> None:
    effects = world.part(1, "normal")

    (fire,) = only(effects, Fire)
    assert verdicts(effects) == [(1, "good")]
    assert fire.pulse.begin == 50.0 + 640.0 - 20.0
    assert fire.pulse.span_mm == 45.0
    assert str(fire.pulse.act) == f"part-{EPOCH:08x}-1/gate/0"


@pytest.mark.parametrize(("label", "score"), [("over", 0.99), ("under", 0.99), ("normal", 0.49)])
def test_a_part_that_is_not_good_gets_no_act(world: World, label: str, score: float) -> None:
    effects = world.part(1, label, score)

    assert verdicts(effects) == [(1, "defective")]
    assert only(effects, Fire) == []


@pytest.mark.parametrize("health", [h for h in Health if h is not Health.GOOD])
def test_an_unhealthy_answer_is_undecided_and_gets_no_act(world: World, health: Health) -> None:
    world.edge(1)
    world.frame(170.0)
    effects = world.result(1, "normal", health=health)

    assert verdicts(effects) == [(1, "undecided")]
    assert only(effects, Fire) == []


def test_an_answer_after_the_deadline_is_undecided(world: World) -> None:
    world.edge(1)
    world.frame(170.0)
    effects = world.result(1, "normal", late_ms=101)

    assert verdicts(effects) == [(1, "undecided")]


def test_a_part_without_a_frame_is_undecided_when_its_last_chance_has_passed(world: World) -> None:
    world.edge(1)

    assert verdicts(world.move(50 + 619.9, 1)) == []
    assert verdicts(world.move(50 + 620.0, 1)) == [(1, "undecided")]


def test_a_frame_between_two_parts_touches_neither(world: World) -> None:
    world.edge(1)
    world.edge(2)
    effects = world.frame(50 + 120 + 25.0)

    assert [drop.why for drop in only(effects, Drop)] == ["foreign"]
    assert only(effects, Infer) == []


def test_a_lost_frame_does_not_shift_the_next_parts_picture(world: World) -> None:
    """The first part's picture is lost; the second's must count for the second."""
    world.edge(1)
    world.edge(2)
    (infer,) = only(world.frame(100 + 120.0), Infer)

    assert infer.item == ItemId("part", EPOCH, 2)


def test_a_second_picture_of_a_part_is_dropped(world: World) -> None:
    world.edge(1)
    world.frame(170.0)
    effects = world.frame(171.0)

    assert [drop.why for drop in only(effects, Drop)] == ["duplicate"]


def test_parts_whose_edge_was_missed_are_counted_as_undecided(world: World) -> None:
    world.edge(1)
    effects = world.edge(4)

    assert verdicts(effects) == [(2, "undecided"), (3, "undecided")]
    assert world.engine.counters["triggers"] == 4


def test_missed_parts_at_the_end_are_found_by_the_position(world: World) -> None:
    world.edge(1)
    effects = world.move(60.0, 3)

    assert verdicts(effects) == [(2, "undecided"), (3, "undecided")]


def test_an_edge_told_twice_is_one_part(world: World) -> None:
    world.edge(1)
    world.edge(1)

    assert world.engine.counters["triggers"] == 1


def test_a_board_that_lost_its_memory_leaves_its_open_parts_undecided(world: World) -> None:
    world.edge(1)
    world.part(2, "normal")
    effects = world.tell(rooms.EdgeSeen(world.t, "photo_eye", True, EPOCH + 1, 1, 10.0, world.t))

    assert verdicts(effects) == [(1, "undecided")]
    assert [(closed.item.number, closed.way) for closed in only(effects, Closed)] == [(1, "diverted"), (2, "in-doubt")]
    assert world.engine.counters["triggers"] == 3


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (OutcomeKind.EXECUTED, "passed"),
        (OutcomeKind.NOT_EXECUTED, "diverted"),
        (OutcomeKind.IN_DOUBT, "in-doubt"),
    ],
)
def test_the_outcome_says_where_a_part_went(world: World, kind: OutcomeKind, way: str) -> None:
    world.part(1, "normal")
    effects = world.settle(1, kind)

    assert [closed.way for closed in only(effects, Closed)] == [way]


def test_an_outcome_told_twice_counts_once(world: World) -> None:
    world.part(1, "normal")
    world.settle(1, OutcomeKind.EXECUTED)
    effects = world.settle(1, OutcomeKind.EXECUTED)

    assert only(effects, Closed) == []
    assert world.engine.counters["acts_executed"] == 1


def test_the_counters_add_up(world: World) -> None:
    for number, label in enumerate(["normal", "over", "normal", "under"], start=1):
        world.part(number, label)
    world.edge(5)
    world.edge(7)
    counters = world.engine.counters

    assert counters["triggers"] == sum(counters[name] for name in ("good", "defective", "undecided", "open")) == 7


def test_after_a_crash_an_act_that_was_never_sent_is_not_executed(world: World) -> None:
    world.part(1, "normal")
    effects = world.tell(rooms.Started(world.t, 0, ()))

    assert [(closed.way, closed.item.number) for closed in only(effects, Closed)] == [("diverted", 1)]
    assert only(effects, Fire) == []


def test_after_a_crash_an_act_in_flight_is_waited_for(world: World) -> None:
    world.part(1, "normal")
    cause = str(ItemId("part", EPOCH, 1))
    world.tell(rooms.Started(world.t, 0, ((cause, "gate", 0, b""),)))
    effects = world.settle(1, OutcomeKind.EXECUTED)

    assert [closed.way for closed in only(effects, Closed)] == ["passed"]


def test_an_act_of_a_lost_step_is_adopted_and_never_made_again(world: World) -> None:
    """The intent was durable, the step was not: the part must be counted as decided, and its picture not judged
    again.
    """
    world.edge(1)
    note = msgpack.packb(["pass", "good", 50.0])
    effects = world.tell(rooms.Started(world.t, 0, ((str(ItemId("part", EPOCH, 1)), "gate", 0, note),)))
    again = world.frame(170.0) + world.result(1, "normal")

    assert verdicts(effects) == [(1, "good")]
    assert only(again, Fire) == []
    assert world.engine.counters["good"] == 1


def test_an_adopted_part_whose_edge_was_lost_too_is_counted_once(world: World) -> None:
    note = msgpack.packb(["pass", "good", 100.0])
    world.tell(rooms.Started(world.t, 0, ((str(ItemId("part", EPOCH, 2)), "gate", 0, note),)))
    effects = world.edge(3)

    assert verdicts(effects) == [(1, "undecided")]
    assert world.engine.counters["triggers"] == 3
    assert world.engine.counters["good"] == 1


def test_old_intents_of_parts_that_are_gone_change_nothing(world: World) -> None:
    world.part(1, "normal")
    world.settle(1, OutcomeKind.EXECUTED)
    note = msgpack.packb(["pass", "good", 50.0])
    effects = world.tell(rooms.Started(world.t, 0, ((str(ItemId("part", EPOCH, 1)), "gate", 0, note),)))

    assert effects == []


def test_an_adopted_part_that_has_left_is_not_counted_again_when_its_edge_is(world: World) -> None:
    """Found by killing the daemon: the part was let through and forgotten, then its missed edge made it anew."""
    note = msgpack.packb(["pass", "good", 100.0])
    world.tell(rooms.Started(world.t, 0, ((str(ItemId("part", EPOCH, 2)), "gate", 0, note),)))
    world.settle(2, OutcomeKind.EXECUTED)
    effects = world.edge(3)

    assert verdicts(effects) == [(1, "undecided")]
    assert world.engine.counters["good"] == 1
    assert world.engine.counters["triggers"] == 3


def test_an_act_is_adopted_once_though_its_intent_is_seen_at_two_starts(world: World) -> None:
    note = msgpack.packb(["pass", "good", 100.0])
    started = rooms.Started(world.t, 0, ((str(ItemId("part", EPOCH, 2)), "gate", 0, note),))
    world.tell(started)
    world.settle(2, OutcomeKind.EXECUTED)

    assert world.tell(started) == []


def scrapping() -> World:
    effects = (BookingEffect("stock", "scrap", (("reason", Otherwise(LABEL, Const("undecided"))),)),)
    made = World(line(rule("scrap", each="part", after="gate.diverted", do=effects)))
    made.start()
    return made


def test_a_diverted_part_is_booked_with_its_reason_when_it_has_left() -> None:
    world = scrapping()
    world.part(1, "over")
    assert only(world.move(700.0, 1), Book) == []

    (book,) = only(world.move(50.0 + 640.0 + 33.0, 1), Book)
    assert (book.booking.verb, book.booking.fields) == ("scrap", (("reason", "over"),))


def test_a_part_that_was_let_through_is_not_booked() -> None:
    world = scrapping()
    world.part(1, "normal")

    assert only(world.settle(1, OutcomeKind.EXECUTED) + world.move(2000.0, 1), Book) == []


def test_after_a_crash_a_booking_without_an_outcome_is_asked_for_again_and_a_done_one_is_not() -> None:
    world = scrapping()
    world.part(1, "over")
    world.part(2, "over")
    (first, second) = only(world.move(2000.0, 2), Book)
    act = first.booking.act
    world.tell(rooms.ActSettled(world.t, act.cause, act.output, act.index, "executed", "", 0, None, 0))
    restored = Engine(world.plan)
    restored.restore(world.engine.state())

    assert restored.step(rooms.Started(world.t, 0, ())) == [second]


def reconnect(world: World) -> None:
    """The board was reset, and answers again."""
    world.tell(rooms.DeviceChanged(world.t, "conveyor", False, 0, "the board was reset"))
    world.tell(rooms.DeviceChanged(world.t, "conveyor", True, EPOCH, ""))


def test_parts_of_a_count_that_was_lost_do_not_stand_before_those_that_come() -> None:
    """Found by `ripieno sim run`: until the new count reached the old places, no later part was decided or booked."""
    world = scrapping()
    world.part(1, "over")
    world.move(9_000.0, 1)
    world.edge(2, 9_100.0)
    world.edge(3, 9_150.0)
    world.frame(9_270.0)
    world.result(3, "over")
    reconnect(world)
    effects = world.move(5.0, 3)

    assert verdicts(effects) == [(2, "undecided")]
    assert [(closed.item.number, closed.why) for closed in only(effects, Closed)] == [
        (2, "the board lost its position"),
        (3, "the board lost its position"),
    ]
    world.edge(4, 20.0)
    assert verdicts(world.move(20.0 + 620.0, 4)) == [(4, "undecided")]


def test_an_act_under_way_when_the_count_is_lost_gets_its_outcome(world: World) -> None:
    world.part(1, "normal")
    reconnect(world)
    world.move(-30.0, 1)

    assert [closed.way for closed in only(world.settle(1, OutcomeKind.NOT_EXECUTED), Closed)] == ["diverted"]


def test_a_belt_that_runs_back_gives_no_part_up(world: World) -> None:
    world.edge(1, 500.0)
    world.move(520.0, 1)
    effects = world.move(400.0, 1)

    assert only(effects, Closed) == []


def test_an_act_in_flight_is_adopted_before_its_part_could_be_judged_anew() -> None:
    """A condition may be false now whatever the lost answer was; but the part was let through."""
    flow = Operand("output", "flow", "value", "number")
    when = And((Compare("==", LABEL, Const("normal")), Compare("<", flow, Const(90.0))))
    plan = line()
    first, *others = plan.rules
    world = World(replace(plan, rules=(replace(first, when=when), *others)))
    world.start()
    world.edge(1)
    world.frame(170.0)
    note = msgpack.packb(["pass", "good", 50.0])
    effects = world.tell(rooms.Started(world.t, 0, ((f"part-{EPOCH:08x}-1", "gate", 0, note),)))

    assert verdicts(effects) == [(1, "good")]


@pytest.mark.parametrize("kind", ["part", "line/part", "quality-control/part", "a-1f-2/part"])
def test_an_items_name_is_read_back_whatever_its_pipeline_is_called(kind: str) -> None:
    item = ItemId(kind, 0x7F00A1B2, 12)

    assert item_of(str(item)) == item


def test_an_act_of_one_of_several_pipelines_is_settled_though_its_name_holds_a_hyphen() -> None:
    """Otherwise no outcome would find its item: every part of `quality-control` beside another pipeline."""
    items = tuple(replace(one, name=f"quality-control/{one.name}") for one in line().items)
    steps = tuple(replace(one, each=f"quality-control/{one.each}") for one in line().steps)
    rules = tuple(replace(one, each=one.each and f"quality-control/{one.each}") for one in line().rules)
    world = World(replace(line(), items=items, steps=steps, rules=rules))
    world.start()
    world.edge(1)
    world.frame(50.0 + 120.0)
    item = ItemId("quality-control/part", EPOCH, 1)
    world.tell(rooms.ResultSeen(world.t, "look", 1, item, world.t, world.t, "good", "normal", 0.9, "", "cafe", 1, 2))
    (fire,) = only(world.effects, Fire)

    effects = world.tell(rooms.ActSettled(world.t, fire.pulse.act.cause, "gate", 0, "executed", "", world.t, 690.0, 0))

    assert [(one.item, one.way) for one in only(effects, Closed)] == [(item, "passed")]


@pytest.mark.parametrize("cause", ["trim_up@37", "quality-control/trim_up@37", "a-1f-3/rule@7", "", "-", "part--"])
def test_what_is_no_item_is_none(cause: str) -> None:
    assert item_of(cause) is None
