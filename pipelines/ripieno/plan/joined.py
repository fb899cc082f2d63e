"""Several pipelines of a device as one plan, for one engine.

Inputs and outputs keep their names: inputs are shared, and an output belongs to one pipeline. Items, models, steps and
rules get their pipeline's name in front: `quality-control/look`. Aggregates are numbered through; identical ones over a
shared input are one. With one pipeline the plan is that pipeline, unchanged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from .expressions import Aggregate, AggregateRef, Operand
from .flow import FlowStep, JoinStep
from .settings import tuned
from .tree import InputPlan, ItemPlan, ModelPlan, PipelinePlan, Plan, Recipe, RulePlan, StepPlan

T = TypeVar("T")


def joined(plan: Plan) -> PipelinePlan:
    """Return one pipeline that does what all of them do, with the device's recipes.

    Its `bundle` and `manifest_sha256` are empty where there are several: files belong to the pipelines themselves.

    Raises:
        ValueError: there is no pipeline, or two declare an input in two ways or have an output in common.
    """
    whole, given = _together(plan), plan.recipes
    if not given.products:
        return whole
    recipes = tuple(Recipe(one.name, _together(tuned(plan, dict(one.values))).rules) for one in given.products)
    inputs, chosen_by = whole.inputs, f"{given.input}.{given.field}" if given.input else ""
    if given.input and not any(one.name == given.input for one in inputs):
        inputs = (*inputs, InputPlan(given.input, "message", 0, ((given.field, "text"),)))
    return dataclasses.replace(whole, inputs=inputs, recipes=recipes, chosen_by=chosen_by)


def _together(plan: Plan) -> PipelinePlan:
    if not plan.pipelines:
        raise ValueError("the plan has no pipeline")
    if len(plan.pipelines) == 1:
        return plan.pipelines[0]
    inputs: dict[str, InputPlan] = {}
    aggregates: dict[Aggregate, int] = {}
    parts = [_Renamed(one, aggregates) for one in plan.pipelines]
    for one in plan.pipelines:
        for each in one.inputs:
            if inputs.setdefault(each.name, each) != each:
                raise ValueError(f"input {each.name!r} is declared in two ways")
    outputs = [each for one in plan.pipelines for each in one.outputs]
    if len({one.name for one in outputs}) < len(outputs):
        raise ValueError("two pipelines have an output in common")
    return PipelinePlan(
        name="+".join(one.name for one in plan.pipelines),
        version="+".join(one.version for one in plan.pipelines),
        bundle="",
        manifest_sha256="",
        inputs=tuple(inputs.values()),
        outputs=tuple(outputs),
        items=tuple(each for one in parts for each in one.items()),
        models=tuple(each for one in parts for each in one.models()),
        steps=tuple(each for one in parts for each in one.steps()),
        aggregates=tuple(aggregates),
        rules=tuple(each for one in parts for each in one.rules()),
        flow=tuple(each for one in parts for each in one.flow()),
    )


class _Renamed:
    """One pipeline with its own names under its name. Its aggregates go into `aggregates` at once."""

    def __init__(self, pipeline: PipelinePlan, aggregates: dict[Aggregate, int]) -> None:
        self._pipeline = pipeline
        self._steps = {one.name for one in (*pipeline.steps, *pipeline.flow)}
        self._items = {one.name for one in pipeline.items}
        self._indexes: dict[int, int] = {}
        for index, one in enumerate(pipeline.aggregates):  # what is sampled holds no aggregate itself
            renamed = dataclasses.replace(one, on=self._step(one.on), of=self._tree(one.of))
            self._indexes[index] = aggregates.setdefault(renamed, len(aggregates))

    def items(self) -> tuple[ItemPlan, ...]:
        return tuple(dataclasses.replace(one, name=self._own(one.name)) for one in self._pipeline.items)

    def models(self) -> tuple[ModelPlan, ...]:
        return tuple(dataclasses.replace(one, name=self._own(one.name)) for one in self._pipeline.models)

    def steps(self) -> tuple[StepPlan, ...]:
        return tuple(
            dataclasses.replace(self._step_like(one), model=self._own(one.model), crop=self._own(one.crop))
            for one in self._pipeline.steps
        )

    def flow(self) -> tuple[FlowStep, ...]:
        found: list[FlowStep] = []
        for one in self._pipeline.flow:
            renamed = self._step_like(one)
            if isinstance(renamed, JoinStep):
                others = tuple(self._step(name) for name in renamed.others)
                renamed = dataclasses.replace(renamed, base=self._step(renamed.base), others=others)
            found.append(renamed)
        return tuple(found)

    def rules(self) -> tuple[RulePlan, ...]:
        return tuple(
            dataclasses.replace(
                self._trees(one),
                name=self._own(one.name),
                each=self._own(one.each),
                after=self._own(one.after) if one.after.partition(".")[0] in self._items else one.after,
            )
            for one in self._pipeline.rules
        )

    def _step_like(self, one: T) -> T:
        """Return a step with its name, its item, its needs and its expressions renamed."""
        step: Any = self._trees(one)
        needs = tuple(self._own(name) for name in step.needs)
        renamed: T = dataclasses.replace(step, name=self._own(step.name), each=self._own(step.each), needs=needs)
        return renamed

    def _own(self, name: str) -> str:
        return f"{self._pipeline.name}/{name}" if name else ""

    def _step(self, name: str) -> str:
        """Return the name of what may be a step or an input."""
        return self._own(name) if name in self._steps else name

    def _trees(self, one: T) -> T:
        """Return a plan with its expressions renamed, and nothing else."""
        changed: Mapping[str, Any] = {
            field.name: self._tree(getattr(one, field.name))
            for field in dataclasses.fields(one)  # type: ignore[arg-type]  # every plan is a dataclass
        }
        return dataclasses.replace(one, **changed)  # type: ignore[type-var]

    def _tree(self, value: Any) -> Any:
        """Return a value of a plan with every operand in it renamed."""
        if isinstance(value, Operand):
            return dataclasses.replace(value, name=self._own(value.name)) if value.source == "step" else value
        if isinstance(value, AggregateRef):
            return AggregateRef(self._indexes[value.index])
        if isinstance(value, tuple):
            return tuple(self._tree(one) for one in value)
        return self._trees(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
