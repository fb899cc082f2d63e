"""Items that stand: a question is understood, looked up, answered by a rule or a person, and never lost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine.desk import Bench, S, service
from engine.world import only

from ripieno import engine as rooms
from ripieno.engine import Engine, pack_event, unpack_event
from ripieno.values import Health


def test_a_message_begins_an_item_and_asks_model_and_database_at_once() -> None:
    effects = Bench().ask(1, "refund of $12.50 please")

    (infer,), (look,) = only(effects, rooms.Infer), only(effects, rooms.Look)
    assert (infer.step, infer.given, infer.item) == ("intent", "refund of $12.50 please", Bench().item(1))
    assert (look.step, look.input, look.key) == ("customer", "customers", 7.0)


def test_what_the_rule_is_sure_of_is_answered_and_closed() -> None:
    bench = Bench()
    bench.ask(1)
    bench.record(1)
    effects = bench.intent(1, "refund", 0.95)

    (decided,), (book,) = only(effects, rooms.Decided), only(effects, rooms.Book)
    assert (decided.verdict, decided.rule, decided.key) == ("answered", "answer", "m1")
    assert (str(book.booking.act), book.booking.fields) == ("question-00000003-1/reply/0", (("intent", "refund"),))
    assert only(effects, rooms.Closed)
    assert bench.engine.find(bench.item(1)) is None


def test_what_the_rule_is_not_sure_of_is_asked_of_a_person_with_what_was_found() -> None:
    bench = Bench()
    bench.ask(1, "pay $12.50 to 1234 5678")
    bench.record(1)
    (ask,) = only(bench.intent(1, "refund", 0.3), rooms.Ask)
    effects = bench.person(1, "explain")

    assert (ask.role, ask.answers, dict(ask.show)["amount"]) == ("agent", ("refund", "explain", "leave"), 12.5)
    assert [one.why for one in only(effects, rooms.AskEnded)] == ["answered"]
    assert only(effects, rooms.Decided)[0].rule == "by_person"
    assert str(only(effects, rooms.Book)[0].booking.act) == "question-00000003-1/reply/1"


@pytest.mark.parametrize("health", [Health.FAILED, Health.LATE, Health.STALE])
def test_an_unknown_answer_takes_the_branch_of_the_unknown(health: Health) -> None:
    bench = Bench()
    bench.ask(1)
    bench.record(1)

    assert only(bench.intent(1, "refund", 0.99, health), rooms.Ask), "an unknown intent must not be answered by a rule"


def test_no_record_is_an_answer_and_no_answer_is_not() -> None:
    for health in (Health.GOOD, Health.FAILED):
        bench = Bench()
        bench.ask(1)
        bench.intent(1, "refund", 0.99)
        effects = bench.record(1, found=False, health=health)

        assert only(effects, rooms.Ask)
        item = bench.engine.find(bench.item(1))
        assert item is not None
        assert (item.operand("customer", "found") is False) == (health is Health.GOOD)


def test_a_question_that_nobody_decides_in_time_is_undecided_and_goes_to_the_desk() -> None:
    bench = Bench()
    bench.ask(1)
    effects = bench.pass_s(121)

    assert [one.verdict for one in only(effects, rooms.Decided)] == ["undecided"]
    assert [one.booking.output for one in only(effects, rooms.Book)] == ["desk"]
    assert bench.engine.counters["open"] == 0


def test_an_answer_that_settles_every_rule_against_it_leaves_the_question_undecided_at_once() -> None:
    bench = Bench()
    bench.ask(1)
    bench.record(1)
    bench.intent(1, "refund", 0.1)
    effects = bench.person(1, "leave")

    assert only(effects, rooms.Decided)[0].verdict == "undecided"


def test_an_expired_question_is_unknown_and_an_answer_after_that_changes_nothing() -> None:
    bench = Bench()
    bench.ask(1)
    bench.record(1)
    bench.intent(1, "refund", 0.1)
    effects = bench.pass_s(61)
    late = bench.person(1, "refund")

    assert [one.why for one in only(effects, rooms.AskEnded)] == ["expired"]
    assert only(effects, rooms.Decided)[0].verdict == "undecided"
    assert late == [] and bench.engine.counters["answers_too_late"] == 1


def test_a_message_told_twice_is_one_item() -> None:
    bench = Bench()
    bench.ask(1, key="same")

    assert bench.ask(2, key="same") == []
    assert bench.engine.counters["triggers"] == 1


def test_a_message_that_names_no_item_is_refused_with_an_alarm() -> None:
    plan = service(items=(replace(service().items[0], key="text"),))
    bench = Bench(plan)

    assert [one.code for one in only(bench.ask(1, None), rooms.Alarm)] == ["message-without-key"]


def test_the_verdict_does_not_depend_on_which_answer_comes_first() -> None:
    """Two rules can be true; the first of the file decides, whatever is answered first."""
    first, second, third = service().rules
    eager = replace(second, when=replace(second.when, values=("refund",)), verdict="eager")  # type: ignore[call-arg]
    plan = service(rules=(first, eager, third))
    verdicts = set()
    for order in ("ir", "ri"):
        bench = Bench(plan)
        bench.ask(1)
        effects = [bench.intent(1, "refund", 0.99) if one == "i" else bench.record(1) for one in order][-1]
        verdicts |= {one.verdict for one in only(effects, rooms.Decided)}

    assert verdicts == {"answered"}


@pytest.mark.parametrize(("after_gap", "due_s"), [("start_over", 71), ("keep", 70), ("fire_if_elapsed", 60)])
def test_an_open_question_survives_a_gap_as_its_step_says(after_gap: str, due_s: int) -> None:
    ask = replace(service().flow[3], after_gap=after_gap)  # type: ignore[arg-type]
    item = replace(service().items[0], within_ns=900 * S)
    bench = Bench(service(flow=(*service().flow[:3], ask), items=(item,)))
    bench.ask(1)
    bench.record(1)
    bench.intent(1, "refund", 0.1)
    asked_t = bench.t
    bench.t += 1 * S
    restarted = Engine(bench.engine.plan)
    restarted.restore(bench.engine.state())
    restarted.step(rooms.Started(bench.t + 10 * S, 10 * S, ()))

    (open_ask,) = restarted.asks()
    assert open_ask.due_t == asked_t + due_s * S


def test_after_a_start_what_was_asked_of_workers_is_asked_again_and_people_are_not() -> None:
    bench = Bench()
    bench.ask(1)
    bench.ask(2)
    bench.record(2)
    bench.intent(2, "refund", 0.1)
    restarted = Engine(bench.engine.plan)
    restarted.restore(bench.engine.state())
    effects = restarted.step(rooms.Started(bench.t + S, S, ()))

    assert [one.item for one in only(effects, rooms.Infer)] == [bench.item(1)]
    assert [one.item for one in only(effects, rooms.Look)] == [bench.item(1)]
    assert not only(effects, rooms.Ask)
    assert [one.item for one in restarted.asks()] == [bench.item(2)]


def test_a_snapshot_at_any_point_changes_nothing() -> None:
    bench = Bench()
    bench.ask(1)
    bench.ask(2)
    bench.record(1)
    bench.intent(1, "refund", 0.1)
    bench.intent(2, "refund", 0.95)
    bench.person(1, "refund")
    bench.record(2)
    bench.pass_s(200)
    for cut in range(len(bench.log)):
        engine = Engine(bench.engine.plan)
        for event in bench.log[:cut]:
            engine.step(unpack_event(pack_event(event)))
        again = Engine(bench.engine.plan)
        again.restore(engine.state())
        for event in bench.log[cut:]:
            assert again.step(event) == engine.step(event)

        assert again.state() == bench.engine.state()
