"""Pipelines that are joined into one plan do what each of them does, under names that do not meet."""

from __future__ import annotations

import dataclasses
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

texts = st.sampled_from(["over", "under", "a"])
numbers = st.floats(-100, 100)


@st.composite
def trees(draw: st.DrawFn, kind: str, aggregates: int, depth: int = 3) -> Expression:
    """An expression of this type over steps, inputs, an output and the first aggregates."""
    inner = lambda wanted: draw(trees(wanted, aggregates, depth - 1))  # noqa: E731
    leaf = depth == 0 or draw(st.booleans())
    if leaf:
        if kind == "number" and aggregates and draw(st.booleans()):
            return AggregateRef(draw(st.integers(0, aggregates - 1)))
        if draw(st.booleans()):
            return Const(draw({"bool": st.booleans(), "number": numbers, "text": texts}[kind]))
        source, name = draw(
            st.sampled_from(
                [("step", one) for one in STEPS] + [("input", one) for one in INPUTS] + [("output", "flow")]
            )
        )
        return Operand(source, name, draw(st.sampled_from("pqr")), kind)
    if kind == "bool":
        match draw(st.integers(0, 4)):
            case 0:
                return Not(inner("bool"))
            case 1:
                return And((inner("bool"), inner("bool")))
            case 2:
                return Or((inner("bool"), inner("bool")))
            case 3:
                return OneOf(inner("text"), ("over", "a"))
        return Compare(draw(st.sampled_from(["<", ">=", "=="])), inner("number"), inner("number"))
    match draw(st.integers(0, 2)):
        case 0:
            return Otherwise(inner(kind), inner(kind))
        case 1:
            return Choice(inner("bool"), inner(kind), inner(kind))
    if kind == "number":
        if draw(st.booleans()):
            return Call("min", (inner("number"), inner("number")))
        return Arithmetic(draw(st.sampled_from("+-*/")), inner("number"), inner("number"))
    return inner(kind)


@st.composite
def pipelines(draw: st.DrawFn, name: str) -> PipelinePlan:
    count = draw(st.integers(0, MOST_AGGREGATES))
    aggregates = tuple(
        Aggregate("share", draw(st.sampled_from([*STEPS, *INPUTS])), draw(trees("bool", 0, 2)), 10**9, 0, 1)
        for _ in range(count)
    )
    when = trees("bool", count)
    steps = (StepPlan("look", "bead", "top", "part", "camera", 1.0, "every", "high", 10**8, when=draw(when)),)
    flow = (
        MapStep("facts", "part", draw(when), ("look",), (("p", draw(trees("number", count))),)),
        JoinStep("both", "", "look", ("press",), "nearest", 1, 0, (("p", Operand("step", "look", "p", "number")),)),
    )
    rules = (
        RulePlan(
            name="over",
            each="part",
            after="",
            when=draw(when),
            text="",
            for_ns=0,
            after_gap="keep",
            cooldown_ns=0,
            do=(BookingEffect("stock", "scrap", (("why", draw(trees("text", count))),)),),
            otherwise="hold",
            verdict="",
            verify=VerifyPlan(1, 0, draw(when), "undo"),
            source="",
        ),
        RulePlan(
            name="left",
            each="part",
            after="part.undecided",
            when=Const(True),
            text="",
            for_ns=0,
            after_gap="keep",
            cooldown_ns=0,
            do=(SetpointEffect("flow", "set", draw(trees("number", count))),),
            otherwise="hold",
            verdict="",
            verify=None,
            source="",
        ),
    )
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
        rules=rules,
        flow=flow,
    )


def plan_of(*some: PipelinePlan) -> Plan:
    broker, storage = BrokerPlan("none", "", 0, ""), StoragePlan("", 0, 0)
    return Plan(1, "d", "s", "auto", some, (), broker, storage)


def same(mine: Any, other: Any, one: PipelinePlan, whole: PipelinePlan) -> bool:
    """Whether two reads are the same one, before and after joining."""
    if isinstance(mine, AggregateRef):
        before, after = one.aggregates[mine.index], whole.aggregates[other.index]
        of = list(zip(operands_of(before.of), operands_of(after.of), strict=True))
        on = after.on == (f"{one.name}/{before.on}" if before.on in STEPS else before.on)
        return on and after.function == before.function and all(same(a, b, one, whole) for a, b in of)
    name = f"{one.name}/{mine.name}" if mine.source == "step" else mine.name
    return bool(other == dataclasses.replace(mine, name=name))


def expressions_of(rule: RulePlan) -> list[Expression]:
    values = [value for effect in rule.do for _, value in getattr(effect, "fields", ())]
    values += [effect.value for effect in rule.do if isinstance(effect, SetpointEffect)]
    return [rule.when, *values, *([rule.verify.that] if rule.verify else [])]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_joining_keeps_the_meaning_of_every_rule(data: st.DataObject) -> None:
    some = [data.draw(pipelines(name)) for name in ("a", "b-2", "c.d")]

    whole = joined(plan_of(*some))

    ours = {(one.name, rule.name): (one, rule) for one in some for rule in one.rules}
    assert len(whole.rules) == len(ours)
    for rule in whole.rules:
        pipeline, _, name = rule.name.partition("/")
        one, before = ours[pipeline, name]
        assert (rule.each, rule.after) == (f"{pipeline}/part", before.after and f"{pipeline}/{before.after}")
        for old, new in zip(expressions_of(before), expressions_of(rule), strict=True):
            reads, renamed = operands_of(old), operands_of(new)
            assert all(same(mine, other, one, whole) for mine, other in zip(reads, renamed, strict=True))
            kinds = {"bool": st.booleans(), "number": numbers, "text": texts}
            values = [data.draw(kinds[getattr(read, "type", "number")] | st.just(UNKNOWN)) for read in reads]
            assert evaluate(new, renamed, values) == evaluate(old, reads, values)


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_every_name_in_a_joined_plan_is_one_of_it(data: st.DataObject) -> None:
    whole = joined(plan_of(*(data.draw(pipelines(name)) for name in ("a", "b"))))

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


@settings(max_examples=20, deadline=None)
@given(one=pipelines("a"))
def test_a_pipeline_alone_is_itself(one: PipelinePlan) -> None:
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
