"""What of one plan is the same in another: what goes on over a change of the plan, where all else begins anew.

A part is the same where its declaration is and where everything that it reads is the same too: a window over the
answers of a model that was exchanged holds what another model said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from .expressions import Aggregate, AggregateRef, Operand
from .tree import DevicePlan, InputPlan, ModelPlan, OutputPlan, PipelinePlan, Plan, PointPlan, RulePlan

Named = TypeVar("Named", InputPlan, OutputPlan, ModelPlan)
_NAMING = ("needs", "input", "crop", "base", "others", "on", "output")  # fields whose values are names of parts


class Unchanged:
    """Compares two plans.

    Args:
        severed: inputs and outputs that are another thing behind the same name (`severed`).

    Attributes:
        inputs, outputs, steps, rules: names of those that are the same in both.
        aggregates: index in `after` -> index in `before` of the same one.
    """

    def __init__(self, before: PipelinePlan, after: PipelinePlan, severed: frozenset[str] = frozenset()) -> None:
        self.inputs = _equal(before.inputs, after.inputs) - severed
        self.outputs = _equal(before.outputs, after.outputs) - severed
        self._models = _equal(
            [dataclasses.replace(one, file="") for one in before.models],
            [dataclasses.replace(one, file="") for one in after.models],
        )
        old, new = _steps(before), _steps(after)
        self.steps = frozenset(name for name, step in new.items() if old.get(name) == step)
        while True:  # what reads something that is not the same is not the same
            left = frozenset(name for name in self.steps if self._reads_same(new[name]))
            if left == self.steps:
                break
            self.steps = left
        known = {_resolved(one, before): index for index, one in enumerate(before.aggregates)}
        self.aggregates = {
            index: known[one]
            for index, aggregate in enumerate(after.aggregates)
            if (one := _resolved(aggregate, after)) in known and self._reads_same(one)
        }
        rules = {rule.name: _rule(rule, before) for rule in before.rules}
        self.rules = frozenset(
            rule.name
            for rule in after.rules
            if rules.get(rule.name) == _rule(rule, after) and self._reads_same(_rule(rule, after))
        )

    def _reads_same(self, part: Any) -> bool:
        known = self.inputs | self.steps | self.outputs
        return all(name in known for name in _named(part)) and getattr(part, "model", "") in {"", *self._models}


def severed(before: Plan, after: Plan) -> frozenset[str]:
    """Return the inputs and outputs of `before` whose device is not there any more, or that are bound to another one;
    of an input also where the device gives something else under its name.
    """
    inputs = {one.name for pipeline in before.pipelines for one in pipeline.inputs}
    drivers = {device.name: device.driver for device in after.devices}

    def binding(device: DevicePlan, point: PointPlan) -> tuple[str, dict[str, Any] | None]:
        return device.name, point.settings if point.name in inputs else None

    bound = {point.name: binding(device, point) for device in after.devices for point in device.points}
    return frozenset(
        point.name
        for device in before.devices
        for point in device.points
        if drivers.get(device.name) != device.driver
        or (point.name in bound and bound[point.name] != binding(device, point))
    )


def _equal(before: Iterable[Named], after: Iterable[Named]) -> frozenset[str]:
    known = {one.name: one for one in before}
    return frozenset(one.name for one in after if known.get(one.name) == one)


def _steps(plan: PipelinePlan) -> Mapping[str, Any]:
    return {step.name: _resolved(step, plan) for step in (*plan.steps, *plan.flow)}


def _rule(rule: RulePlan, plan: PipelinePlan) -> Any:
    """Return a rule without the place at which it stands: a line more above it changes nothing."""
    return _resolved(dataclasses.replace(rule, source=""), plan)


def _resolved(value: Any, plan: PipelinePlan) -> Any:
    """Return a part with each aggregate in place of its index, which is another one where others were added."""
    match value:
        case AggregateRef(index):
            return plan.aggregates[index]
        case tuple():
            return tuple(_resolved(one, plan) for one in value)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {each.name: _resolved(getattr(value, each.name), plan) for each in dataclasses.fields(value)}
            return dataclasses.replace(value, **fields)
    return value


def _named(value: Any) -> Iterator[str]:
    """Yield the names of all that a part reads."""
    match value:
        case Operand():
            yield value.name
        case tuple():
            for one in value:
                yield from _named(one)
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            for each in dataclasses.fields(value):
                inner = getattr(value, each.name)
                if each.name in _NAMING and not isinstance(value, Aggregate | Operand):
                    yield from (one for one in ([inner] if isinstance(inner, str) else inner) if one)
                elif isinstance(value, Aggregate) and each.name == "on":
                    yield inner
                else:
                    yield from _named(inner)
