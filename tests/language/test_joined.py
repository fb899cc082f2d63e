"""Pipelines that are joined into one plan do what each of them does, under names that do not meet."""

from __future__ import annotations

import dataclasses
import re
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.plan import (
    Aggregate,
    AggregateRef,
    And,
    Arithmetic,
    BookingEffect,
    BrokerPlan,
    Call,
    Choice,
    Compare,
    Const,
    Effect,
    Expression,
    InputPlan,
    ItemPlan,
    JoinStep,
    MapStep,
    ModelPlan,
    Not,
    OneOf,
    Operand,
    Or,
    Otherwise,
    OutputPlan,
    PipelinePlan,
    Plan,
    RulePlan,
    SetpointEffect,
    StepPlan,
    StoragePlan,
    VerifyPlan,
)
from ripieno.plan.joined import joined
from ripieno.rules import evaluate, operands_of
from ripieno.values import UNKNOWN

STEPS, INPUTS = ("look", "facts", "both"), ("press", "asked")
MOST_AGGREGATES = 4


def value_of(kind: str, chance: Random) -> bool | float | str:
    match kind:
        case "bool":
            return chance.random() < 0.5
        case "text":
            return chance.choice(["over", "under", "a"])
    return chance.choice([0.0, 1.0, -3.5, chance.uniform(-100, 100)])


def tree(kind: str, aggregates: int, chance: Random, depth: int = 3) -> Expression:
    """An expression of this type over steps, inputs, an output and the first aggregates."""

    def inner(wanted: str) -> Expression:
        return tree(wanted, aggregates, chance, depth - 1)

    if depth == 0 or chance.random() < 0.3:
        if kind == "number" and aggregates and chance.random() < 0.5:
            return AggregateRef(chance.randrange(aggregates))
        if chance.random() < 0.3:
            return Const(value_of(kind, chance))
        names = [("step", one) for one in STEPS] + [("input", one) for one in INPUTS] + [("output", "flow")]
        return Operand(*chance.choice(names), chance.choice("pqr"), kind)
    if chance.random() < 0.2:
        return Otherwise(inner(kind), inner(kind))
    if chance.random() < 0.2:
        return Choice(inner("bool"), inner(kind), inner(kind))
    if kind == "number":
        if chance.random() < 0.3:
            return Call("min", (inner("number"), inner("number")))
        return Arithmetic(chance.choice("+-*/"), inner("number"), inner("number"))
    if kind == "text":
        return inner("text")
    return chance.choice(
        [
            lambda: Not(inner("bool")),
            lambda: And((inner("bool"), inner("bool"))),
            lambda: Or((inner("bool"), inner("bool"))),
            lambda: OneOf(inner("text"), ("over", "a")),
            lambda: Compare(chance.choice(["<", ">=", "=="]), inner("number"), inner("number")),
        ]
    )()


def pipeline(name: str, chance: Random) -> PipelinePlan:
    count = chance.randint(0, MOST_AGGREGATES)
    on = [*STEPS, *INPUTS]
    aggregates = tuple(
        Aggregate("share", chance.choice(on), tree("bool", 0, chance, 2), 10**9, 0, 1) for _ in range(count)
    )

    def rule(name: str, after: str, do: Effect, that: VerifyPlan | None) -> RulePlan:
        when = tree("bool", count, chance)
        return RulePlan(name, "part", after, when, "", 0, "keep", 0, (do,), "hold", "", that, "")

    when, value = tree("bool", count, chance), tree("number", count, chance)
    steps = (StepPlan("look", "bead", "top", "part", "camera", 1.0, "every", "high", 10**8, when=when),)
    flow = (
        MapStep("facts", "part", tree("bool", count, chance), ("look",), (("p", value),)),
        JoinStep("both", "", "look", ("press",), "nearest", 1, 0, (("p", Operand("step", "look", "p", "number")),)),
    )
    booking = BookingEffect("stock", "scrap", (("why", tree("text", count, chance)),))
    moved = SetpointEffect("flow", "set", tree("number", count, chance))
    return PipelinePlan(
        name=name,
        version="1",
        bundle="x",
        manifest_sha256="",
        inputs=tuple(InputPlan(one, "reading", 1) for one in ("top", *INPUTS)),
        outputs=(OutputPlan(f"flow_{name}", "setpoint", "", 1.0),),
        items=(ItemPlan("part", "asked", "", (), "", 10**9, ""),),
        models=(ModelPlan("bead", "m", "00", "classify", (), {}),),
        steps=steps,
        aggregates=aggregates,
        rules=(
            rule("over", "", booking, VerifyPlan(1, 0, tree("bool", count, chance), "undo")),
            rule("left", "part.undecided", moved, None),
        ),
        flow=flow,
    )


def plan_of(*some: PipelinePlan) -> Plan:
    broker, storage = BrokerPlan("none", "", 0, ""), StoragePlan("", 0, 0)
    return Plan(1, "d", "s", "auto", some, (), broker, storage)


def under(name: str, text: str) -> str:
    """Return the text of a plan with its steps under a pipeline's name, told by their text alone."""
    text = re.sub(r"source='step', name='(\w+)'", rf"source='step', name='{name}/\1'", text)
    return re.sub(rf"on='({'|'.join(STEPS)})'", rf"on='{name}/\1'", text)


def same(mine: Any, other: Any, one: PipelinePlan, whole: PipelinePlan) -> bool:
    """Whether two reads are the same one, before and after joining."""
    if type(mine) is not type(other):
        return False
    if isinstance(mine, AggregateRef):
        mine, other = one.aggregates[mine.index], whole.aggregates[other.index]
    return under(one.name, repr(mine)) == repr(other)


def expressions_of(rule: RulePlan) -> list[Expression]:
    values = [value for effect in rule.do for _, value in getattr(effect, "fields", ())]
    values += [effect.value for effect in rule.do if isinstance(effect, SetpointEffect)]
    return [rule.when, *values, *([rule.verify.that] if rule.verify else [])]


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_joining_keeps_the_meaning_of_every_rule(seed: int) -> None:
    chance = Random(seed)
    some = [pipeline(name, chance) for name in ("a", "b-2", "c.d")]

    whole = joined(plan_of(*some))

    ours = {(one.name, rule.name): (one, rule) for one in some for rule in one.rules}
    assert len(whole.rules) == len(ours)
    for rule in whole.rules:
        prefix, _, name = rule.name.partition("/")
        one, before = ours[prefix, name]
        assert (rule.each, rule.after) == (f"{prefix}/part", before.after and f"{prefix}/{before.after}")
        for old, new in zip(expressions_of(before), expressions_of(rule), strict=True):
            reads, renamed = operands_of(old), operands_of(new)
            values: dict[Any, Any] = {
                read: UNKNOWN if chance.random() < 0.2 else value_of(getattr(read, "type", "number"), chance)
                for read in renamed
            }
            now = {read: next(other for other in renamed if same(read, other, one, whole)) for read in reads}
            assert set(now.values()) == set(renamed)
            before_value = evaluate(old, reads, [values[now[read]] for read in reads])
            assert evaluate(new, renamed, [values[read] for read in renamed]) == before_value


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_name_in_a_joined_plan_is_one_of_it(seed: int) -> None:
    chance = Random(seed)

    whole = joined(plan_of(*(pipeline(name, chance) for name in ("a", "b"))))

    steps = {one.name for one in (*whole.steps, *whole.flow)}
    items, models = {one.name for one in whole.items}, {one.name for one in whole.models}
    assert len(steps) == len(whole.steps) + len(whole.flow)
    for step in (*whole.steps, *whole.flow):
        assert set(step.needs) <= steps and step.each in {*items, ""}
    assert all(step.model in models for step in whole.steps)
    assert all(one.on in steps | set(INPUTS) for one in whole.aggregates)
    assert len(set(whole.aggregates)) == len(whole.aggregates)
    joins = [one for one in whole.flow if isinstance(one, JoinStep)]
    assert all({join.base, *join.others} <= steps | set(INPUTS) for join in joins)


def test_a_pipeline_alone_is_itself() -> None:
    one = pipeline("a", Random(1))

    assert joined(plan_of(one)) is one


def test_an_aggregate_over_a_shared_input_is_kept_once() -> None:
    aggregate = Aggregate("mean", "press", Operand("input", "press", "p", "number"), 10**9, 0, 1)
    empty = PipelinePlan("a", "1", "", "", (InputPlan("press", "reading", 1),), (), (), (), (), (aggregate,), ())

    whole = joined(plan_of(empty, dataclasses.replace(empty, name="b")))

    assert whole.aggregates == (aggregate,)
    assert (whole.name, whole.version, whole.bundle) == ("a+b", "1+1", "")


def test_what_cannot_be_joined_is_refused() -> None:
    one = PipelinePlan("a", "1", "", "", (InputPlan("x", "reading", 1),), (), (), (), (), (), ())
    other = dataclasses.replace(one, name="b", inputs=(InputPlan("x", "reading", 2),))
    flow = OutputPlan("flow", "setpoint", "", 1.0)

    with pytest.raises(ValueError, match="input 'x' is declared in two ways"):
        joined(plan_of(one, other))
    with pytest.raises(ValueError, match="an output in common"):
        joined(plan_of(dataclasses.replace(one, outputs=(flow,)), dataclasses.replace(one, outputs=(flow,))))
    with pytest.raises(ValueError, match="no pipeline"):
        joined(plan_of())
