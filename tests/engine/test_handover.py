"""A plan is changed while parts are on their way: none is lost, none is decided twice, no act is done twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine.desk import Bench, service
from engine.plans import SCORE, line, rule
from engine.world import EPOCH, World, only

from ripieno.engine import (
    Alarm,
    Ask,
    AskEnded,
    Book,
    Closed,
    Decided,
    Engine,
    Fire,
    Fired,
    Infer,
    OutputTaken,
    Set,
    Started,
)
from ripieno.plan import BookingEffect, Compare, Const, OutputPlan, PipelinePlan
from ripieno.values import ItemId, OutcomeKind

STOCK = OutputPlan("stock", "booking", "", None)


def stricter(plan: PipelinePlan | None = None, least: float = 0.95) -> PipelinePlan:
    """Return the line with another rule for good parts, as another version."""
    plan = plan or line()
    harder = replace(plan.rules[0], when=Compare(">=", SCORE, Const(least)), source="elsewhere.yaml:9")
    return replace(plan, version="2", rules=(harder, *plan.rules[1:]))


def scrapping(plan: PipelinePlan, *before: str) -> PipelinePlan:
    """Return the plan with a booking of each part that is diverted, behind other bookings of each part that is seen."""
    book = BookingEffect("stock", "scrap", ())
    early = tuple(rule(name, each="part", when=Compare(">", SCORE, Const(0.0)), do=(book,)) for name in before)
    end = rule("scrap", each="part", after="gate.diverted", do=(book,))
    return replace(plan, outputs=(*plan.outputs, STOCK), rules=(*plan.rules, *early, end))


def switch(world: World | Bench, plan: PipelinePlan, severed: frozenset[str] = frozenset()) -> Engine:
    """Put another plan in force, through a snapshot, as a process that dies in between would."""
    heir = Engine(plan)
    heir.take_over(world.engine, severed)
    again = Engine(plan)
    again.restore(heir.state())
    assert again.state() == heir.state()
    before, world.engine = world.engine, again
    return before


def verdicts(world: World) -> dict[str, list[str]]:
    """Return all verdicts, by item."""
    found: dict[str, list[str]] = {}
    for one in only(world.effects, Decided):
        found.setdefault(str(one.item), []).append(one.verdict)
    return found


def test_a_part_whose_picture_is_not_taken_yet_is_decided_by_the_new_plan() -> None:
    world = World()
    world.start()
    world.edge(1)
    switch(world, stricter())
    world.start()
    world.frame(170.0)
    world.result(1, "normal", 0.93)

    decided = only(world.effects, Decided)
    assert [(one.item.number, one.verdict, one.why) for one in decided] == [(1, "defective", "")]


def test_an_edge_that_the_board_tells_again_is_the_same_part() -> None:
    world = World()
    world.start()
    world.part(1, "normal")
    world.edge(2)
    switch(world, stricter())
    world.start(in_flight=(("part-00000007-1", "gate", 0, b""),))
    world.edge(1, 50.0)
    world.edge(2, 100.0)
    world.move(2_000.0, 2)

    assert verdicts(world) == {"part-00000007-1": ["good"], "part-00000007-2": ["undecided"]}
    assert len(only(world.effects, Fire)) == 1


def test_an_engine_that_begins_anew_decides_it_twice() -> None:
    """The control of the test above: what the hand-over is for."""
    world = World()
    world.start()
    world.part(1, "normal")
    world.engine = Engine(stricter())
    world.tell(world.log[0])
    world.edge(1, 50.0)
    world.move(2_000.0, 1)

    assert verdicts(world) == {"part-00000007-1": ["good", "undecided"]}


def test_a_part_whose_picture_was_lost_in_the_switch_is_undecided_once_and_says_so() -> None:
    world = World()
    world.start()
    world.edge(1)
    world.frame(170.0)
    switch(world, stricter())
    world.start()
    world.move(2_000.0, 1)

    (decided,) = only(world.effects, Decided)
    assert (decided.verdict, decided.why) == ("undecided", "the plan was changed on its way (to line 2)")
    assert [one.way for one in only(world.effects, Closed)] == ["diverted"]


@pytest.mark.parametrize(("kind", "way"), [(OutcomeKind.EXECUTED, "passed"), (OutcomeKind.NOT_EXECUTED, "diverted")])
def test_the_outcome_of_an_act_of_the_old_plan_is_taken_by_the_new_one(kind: OutcomeKind, way: str) -> None:
    world = World()
    world.start()
    world.part(1, "normal")
    (fire,) = only(world.effects, Fire)
    switch(world, scrapping(stricter()))
    world.start(in_flight=(("part-00000007-1", "gate", 0, fire.note),))
    world.settle(1, kind)

    assert [one.way for one in only(world.effects, Closed)] == [way]
    assert len(only(world.effects, Fire)) == len(only(world.effects, Decided)) == 1
    assert len(only(world.effects, Book)) == (way == "diverted"), "the new plan's rule books what went by"
    assert "outcomes_unexpected" not in world.engine.counters


def test_an_act_that_was_never_sent_is_over() -> None:
    world = World()
    world.start()
    world.part(1, "normal")
    switch(world, stricter())
    world.start()

    assert [one.way for one in only(world.effects, Closed)] == ["diverted"]
    assert len(only(world.effects, Decided)) == 1


def test_an_act_whose_decision_the_crash_took_is_adopted_under_the_new_plan() -> None:
    world = World()
    world.start()
    world.edge(1)
    world.frame(170.0)
    before = World()
    before.start()
    (fire,) = only(before.part(1, "normal"), Fire)
    switch(world, stricter())
    world.start(in_flight=(("part-00000007-1", "gate", 0, fire.note),))
    world.frame(170.0)
    world.result(1, "over")
    world.settle(1, OutcomeKind.EXECUTED)

    assert verdicts(world) == {"part-00000007-1": ["good"]}
    assert [one.way for one in only(world.effects, Closed)] == ["passed"]


def test_counts_go_on_and_add_up() -> None:
    world = World()
    world.start()
    for number in range(1, 5):
        world.part(number, "normal" if number % 2 else "over")
    world.edge(5)
    switch(world, stricter())
    world.start()
    world.edge(6)
    counted = world.engine.counters

    assert counted["triggers"] == 6
    assert counted["triggers"] == sum(counted.get(one, 0) for one in ("good", "defective", "undecided", "open"))


def test_parts_that_nothing_counts_any_more_end_undecided_with_the_reason_once() -> None:
    world = World()
    world.start()
    world.part(1, "normal")
    world.edge(2)
    switch(world, stricter(), severed=frozenset(("photo_eye", "belt")))
    assert world.engine.counters["open"] == 1, "it has ended, and nobody was told yet"
    world.start(in_flight=(("part-00000007-1", "gate", 0, b""),))
    switch(world, line())
    world.start(in_flight=(("part-00000007-1", "gate", 0, b""),))
    world.settle(1, OutcomeKind.EXECUTED)

    assert verdicts(world) == {"part-00000007-1": ["good"], "part-00000007-2": ["undecided"]}
    assert [(one.item.number, one.way) for one in only(world.effects, Closed)] == [(2, "diverted"), (1, "passed")]


def test_an_act_on_a_device_that_is_gone_is_in_doubt() -> None:
    world = World()
    world.start()
    world.part(1, "normal")
    switch(world, stricter(), severed=frozenset(("photo_eye", "belt", "gate")))
    world.start()

    assert [one.way for one in only(world.effects, Closed)] == ["in-doubt"]
    assert [one.code for one in only(world.effects, Alarm)] == ["act-in-doubt"]


def test_items_of_another_name_are_counted_on() -> None:
    """A second pipeline beside the first puts its name before every item: the same parts, on the same belt."""
    plan, world = line(), World()
    renamed = replace(
        plan,
        items=(replace(plan.items[0], name="line/part"),),
        steps=(replace(plan.steps[0], each="line/part"),),
        rules=tuple(replace(one, each="line/part" if one.each else "") for one in plan.rules),
    )
    world.start()
    (fire,) = only(world.part(1, "normal"), Fire)
    world.edge(2)
    unseen = World()
    unseen.start()
    unseen.edge(1)
    unseen.edge(2)
    (later,) = only(unseen.part(3, "normal"), Fire)
    switch(world, renamed)
    world.start(in_flight=(("part-00000007-1", "gate", 0, fire.note), ("part-00000007-3", "gate", 0, later.note)))
    for number in (1, 2, 3, 4):
        world.edge(number)
    world.settle(1, OutcomeKind.EXECUTED)
    world.settle(3, OutcomeKind.EXECUTED)
    world.move(3_000.0, 4)

    assert verdicts(world) == {
        "part-00000007-1": ["good"],
        "part-00000007-2": ["undecided"],
        "part-00000007-3": ["good"],
        "line/part-00000007-4": ["undecided"],
    }
    ways = {str(one.item): one.way for one in only(world.effects, Closed)}
    assert (ways["part-00000007-1"], ways["part-00000007-3"], len(ways)) == ("passed", "passed", 4)


def test_a_part_that_has_ended_untold_but_whose_act_is_in_flight_has_not_ended() -> None:
    world, sooner = World(), World()
    world.start()
    world.edge(1)
    sooner.start()
    (fire,) = only(sooner.part(1, "normal"), Fire)
    switch(world, replace(line(), items=(), steps=(), aggregates=(), rules=()))
    world.start(in_flight=(("part-00000007-1", "gate", 0, fire.note),))
    world.settle(1, OutcomeKind.EXECUTED)

    assert verdicts(world) == {"part-00000007-1": ["good"]}
    assert [one.way for one in only(world.effects, Closed)] == ["passed"]


def test_a_rule_of_the_new_plan_never_books_under_an_identity_that_the_old_one_had() -> None:
    """A booking system takes a second booking of the same act for the first."""
    world = World(scrapping(line(), "seen"))
    world.start()
    world.part(1, "over", 0.4)
    new = scrapping(line(), "noted")
    switch(world, replace(new, rules=(new.rules[2], new.rules[0], new.rules[1], new.rules[3])))
    world.start()
    world.move(3_000.0, 1)

    acts = [one.booking.act for one in only(world.effects, Book)]
    assert len({*acts}) == 2, "seen, and scrap"
    assert [one.index for one in dict.fromkeys(acts)] == [0, 1]


def test_a_booking_that_is_out_keeps_its_identity_and_is_asked_for_again() -> None:
    world = World(scrapping(line(), "seen"))
    world.start()
    world.part(1, "over")
    switch(world, scrapping(stricter()))
    effects = world.start()
    world.tell(type(world.log[0])(world.t, 0, ()))

    assert [str(one.booking.act) for one in only(effects, Book)] == ["part-00000007-1/stock/0"]


def test_a_booking_whose_output_is_gone_is_told_and_given_up() -> None:
    world = World(scrapping(line(), "seen"))
    world.start()
    world.part(1, "over")
    switch(world, stricter())
    effects = world.start()

    assert [one.code for one in only(effects, Alarm)] == ["booking-given-up"]
    assert not only(effects, Book)


def _trimmed() -> World:
    world = World()
    world.start()
    for number in range(1, 6):
        world.part(number, "over")
    assert world.engine.scene.setpoints["flow"] == 95.0
    return world


def test_a_setpoint_stays_where_it_is_and_what_is_the_same_goes_on() -> None:
    world = _trimmed()
    switch(world, stricter())
    effects = world.start()
    assert world.engine.scene.setpoints["flow"] == 95.0
    assert not only(effects, Fired) and not only(effects, Set)
    assert world.engine.steering.watch("trim").trial is not None, "its change is still on trial"
    assert world.engine.scene.accumulators[0].value(world.t) == 1.0, "its window is the same"


def test_a_setpoint_beyond_the_new_range_is_moved_with_a_record() -> None:
    world = _trimmed()
    plan = line()
    narrow = tuple(replace(one, low=98.0) if one.name == "flow" else one for one in plan.outputs)
    switch(world, replace(plan, outputs=narrow))
    effects = world.start()

    fired = [(one.rule, one.what, one.before, one.after) for one in only(effects, Fired)]
    assert fired == [("trim", "not-verified", 95.0, 95.0), ("plan", "bounded", 95.0, 98.0)]
    assert next(one.setpoint.value for one in only(effects, Set)) == 98.0


def test_a_setpoint_that_no_rule_steers_any_more_goes_back_to_safe() -> None:
    world = _trimmed()
    plan = line()
    switch(world, replace(plan, rules=plan.rules[:1]))
    fired = only(world.start(), Fired)

    assert [(one.what, one.after) for one in fired if one.rule == "plan"] == [("let-go", 100.0)]


def test_an_output_that_a_person_has_stays_theirs() -> None:
    world = _trimmed()
    world.tell(OutputTaken(world.t, "flow", "manual", 87.0))
    plan = line()
    switch(world, replace(plan, rules=plan.rules[:1]))
    world.start()

    assert world.engine.taken() == {"flow": "manual"}
    assert world.engine.scene.setpoints["flow"] == 87.0


def test_a_window_over_another_models_answers_begins_anew() -> None:
    world = _trimmed()
    plan = line()
    switch(world, replace(plan, models=(replace(plan.models[0], sha256="cd" * 32),)))

    assert world.engine.scene.accumulators[0].value(world.t) != 1.0
    assert world.engine.steering.watch("trim").trial is None
    assert world.engine.scene.setpoints["flow"] == 95.0


def test_two_switches_without_an_event_between_lose_nothing() -> None:
    world = World()
    world.start()
    world.part(1, "normal")
    world.edge(2)
    switch(world, replace(line(), items=(), steps=(), aggregates=(), rules=()))
    switch(world, stricter())
    world.start(in_flight=(("part-00000007-1", "gate", 0, b""),))
    world.settle(1, OutcomeKind.EXECUTED)

    assert verdicts(world) == {"part-00000007-1": ["good"], "part-00000007-2": ["undecided"]}
    assert [one.way for one in only(world.effects, Closed)] == ["diverted", "passed"]


def test_the_old_engine_stays_as_it_was() -> None:
    world = World()
    world.start()
    world.part(1, "normal")
    world.edge(2)
    state = world.engine.state()
    before = switch(world, stricter())
    world.start()
    world.move(3_000.0, 2)

    assert before.state() == state


def test_the_same_model_is_asked_again_for_a_picture_that_comes_again() -> None:
    world = World()
    world.start()
    world.edge(1)
    world.frame(170.0)
    switch(world, stricter())
    world.start()
    effects = world.frame(170.0)

    assert [one.item for one in only(effects, Infer)] == [ItemId("part", EPOCH, 1)]


def _standing(plan: PipelinePlan, severed: frozenset[str] = frozenset()) -> tuple[Bench, list[object]]:
    """A question waits for an agent's answer when the plan changes."""
    bench = Bench()
    bench.ask(1)
    bench.intent(1, "refund", 0.4)
    bench.record(1)
    switch(bench, plan, severed)
    return bench, [*bench.tell(Started(bench.t, 0, ()))]


def test_a_question_to_a_person_stays_open_where_the_new_plan_asks_it_too() -> None:
    bench, effects = _standing(replace(service(), version="2"))

    assert not only(effects, Ask) and not only(effects, AskEnded)
    effects = bench.person(1, "refund")
    assert [one.verdict for one in only(effects, Decided)] == ["answered"]


def test_a_question_that_is_asked_in_another_way_is_moot_and_asked_anew() -> None:
    plan = service()
    changed = replace(plan.flow[3], question="What do we say?")
    _bench, effects = _standing(replace(plan, version="2", flow=(*plan.flow[:3], changed)))

    assert [one.why for one in only(effects, AskEnded)] == ["moot"]
    assert [one.question for one in only(effects, Ask)] == ["What do we say?"]


def test_a_question_of_a_kind_that_is_gone_ends_undecided_once() -> None:
    bench, effects = _standing(line())

    assert [(one.verdict, one.key) for one in only(effects, Decided)] == [("undecided", "m1")]
    assert [one.why for one in only(effects, AskEnded)] == ["moot"]
    assert [one.way for one in only(effects, Closed)] == ["undecided"]
    assert not only(bench.pass_s(600), Decided)


def test_a_message_that_comes_again_is_known_to_the_new_plan() -> None:
    bench, _ = _standing(replace(service(), version="2"))
    bench.ask(2, key="m1")

    assert bench.engine.counters["messages_again"] == 1
