"""What may be set from afar: the numbers of conditions, whole documents, and nothing that keeps a machine from harm."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ripieno.engine import Engine
from ripieno.errors import RipienoError
from ripieno.language import compile_device
from ripieno.plan import And, Compare, Const, Operand, Plan, digest, joined
from ripieno_daemon.compiling.drivers import installed_drivers
from ripieno_daemon.remote.tuning import Tuning, problems, settings_of, tuned
from ripieno_sim.stage.scene import Settings, device_file

SCORE = "quality-control.pass.look.score"


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("plan")
    path = device_file(folder, Settings(), port="x", camera="/c", broker="{transport: none}")
    return compile_device(str(path), lambda name: Path(name).read_bytes(), installed_drivers())


def values(plan: Plan, **changed: float) -> dict[str, float]:
    return {key: one.value for key, one in settings_of(plan).items()} | {SCORE: changed.get("score", 0.5)}


def with_condition(plan: Plan, text: str, *terms: Compare) -> Plan:
    pipeline = plan.pipelines[0]
    rules = tuple(replace(rule, when=And(terms), text=text) if rule.name == "pass" else rule for rule in pipeline.rules)
    return replace(plan, pipelines=(replace(pipeline, rules=rules),))


def score(step: str, operator: str, value: float) -> Compare:
    return Compare(operator, Operand("step", step, "score", "number"), Const(value))


def test_thresholds_and_cooldowns_are_offered_and_nothing_of_an_output(plan: Plan) -> None:
    assert list(settings_of(plan)) == [
        SCORE,
        "quality-control.trim_down.threshold",
        "quality-control.trim_down.cooldown_s",
        "quality-control.trim_up.threshold",
        "quality-control.trim_up.cooldown_s",
    ]


def test_the_condition_and_its_text_change_together(plan: Plan) -> None:
    changed = tuned(plan, values(plan, score=0.7))

    rule = changed.pipelines[0].rules[0]
    assert rule.text == 'look.label == "normal" and look.score >= 0.7'
    assert isinstance(rule.when, And) and rule.when.terms[1] == score("look", ">=", 0.7)
    assert digest(changed) != digest(plan)
    assert tuned(changed, values(plan)).pipelines[0].rules[0].when == plan.pipelines[0].rules[0].when


def test_two_numbers_that_change_places_do_not_become_one(plan: Plan) -> None:
    both = with_condition(plan, "a.score >= 0.5 and b.score >= 0.6", score("a", ">=", 0.5), score("b", ">=", 0.6))
    keys = ("quality-control.pass.a.score", "quality-control.pass.b.score")

    rule = tuned(both, {keys[0]: 0.6, keys[1]: 0.5}).pipelines[0].rules[0]

    assert rule.when == And((score("a", ">=", 0.6), score("b", ">=", 0.5)))
    assert rule.text == "a.score >= 0.6 and b.score >= 0.5"


def test_a_number_that_the_text_names_twice_is_not_offered(plan: Plan) -> None:
    twice = with_condition(plan, "a.score >= 0.5 and b.score >= 0.5", score("a", ">=", 0.5), score("b", ">=", 0.5))

    assert not [key for key in settings_of(twice) if ".pass." in key]


def test_a_document_is_refused_by_key(plan: Plan) -> None:
    given: dict[str, object] = {**values(plan), SCORE: 1.5, "quality-control.trim_up.threshold": "much", "flow.max": 3}
    del given["quality-control.trim_down.threshold"]

    found = problems(plan, given)

    assert sorted(found) == [
        "flow.max",
        SCORE,
        "quality-control.trim_down.threshold",
        "quality-control.trim_up.threshold",
    ]
    assert found[SCORE] == "should be 0 to 1 (got 1.5)"
    assert problems(plan, {**values(plan), SCORE: float("nan")}) and problems(plan, {**values(plan), SCORE: True})
    assert not problems(plan, values(plan))


def test_an_engine_goes_on_with_other_numbers_from_where_it_was(plan: Plan) -> None:
    before, after = Engine(joined(plan)), Engine(joined(tuned(plan, values(plan, score=0.7))))

    after.restore(before.state())

    assert after.state() == before.state()


def test_what_cannot_be_put_in_force_is_not_told_as_in_force(plan: Plan) -> None:
    async def refuse(_plan: Plan) -> None:
        raise RipienoError("not now")

    tuning = Tuning(plan, refuse)
    with pytest.raises(RipienoError, match="not now"):
        asyncio.run(tuning.apply(values(plan, score=0.7)))

    assert tuning.effective()[SCORE] == 0.5


def test_a_kept_value_that_fits_no_more_leaves_the_others_in_force(plan: Plan) -> None:
    async def put(_plan: Plan) -> None:
        """Not called: a start begins with them."""

    began, wrong = Tuning(plan, put).begin_with({SCORE: 0.7, "quality-control.gone.threshold": 3.0})

    assert list(wrong) == ["quality-control.gone.threshold"]
    assert settings_of(began)[SCORE].value == 0.7
