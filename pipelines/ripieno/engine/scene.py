"""What the engine knows besides items and rules: time, counters, readings, setpoints, aggregates; and the effects
of this step.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ripieno.plan import AggregateRef, Expression, Operand, OutputPlan, PipelinePlan
from ripieno.rules import Accumulator, generate, operands_of
from ripieno.values import UNKNOWN, Health, Setpoint

from .effects import Effect, Operands

Value = object


class Condition:
    """One generated function, with the names of what it reads."""

    def __init__(self, tree: Expression) -> None:
        self.reads: tuple[Operand | AggregateRef, ...] = operands_of(tree)
        self._function: Callable[[Sequence[Value]], Value] = generate(tree, self.reads)

    def value(self, look_up: Callable[[Operand | AggregateRef], Value]) -> tuple[Value, list[Value]]:
        """Return the condition's value and the operands it was made from."""
        values = [look_up(read) for read in self.reads]
        return self._function(values), values


class Scene:
    """Shared state of one engine; only the engine's own parts touch it."""

    def __init__(self, plan: PipelinePlan) -> None:
        self.plan = plan
        self.t = 0
        self.events = 0
        self.effects: list[Effect] = []
        self.counters: Counter[str] = Counter()
        self.readings: dict[str, tuple[int, str, tuple[float, ...]]] = {}
        self.latest: dict[str, tuple[int, dict[str, object] | None]] = {}
        self.outputs: dict[str, OutputPlan] = {output.name: output for output in plan.outputs}
        self.inputs = {one.name: one for one in plan.inputs}
        self.setpoints: dict[str, float] = {o.name: float(o.safe) for o in plan.outputs if o.kind == "setpoint"}
        self.accumulators = [Accumulator(aggregate) for aggregate in plan.aggregates]

    def look_up(self, read: Operand | AggregateRef) -> Value:
        """Return the value of an operand that belongs to no item: an aggregate, a reading's field or a setpoint."""
        if isinstance(read, AggregateRef):
            return self.accumulators[read.index].value(self.t)
        if read.source == "output":
            return self.setpoints.get(read.name, UNKNOWN)
        if read.source == "input":
            return self._field(read.name, read.field)
        return self._newest(read.name, read.field)

    def name(self, read: Operand | AggregateRef) -> str:
        """Return how a person would call the operand."""
        if isinstance(read, Operand):
            return f"{read.name}.{read.field}"
        aggregate = self.plan.aggregates[read.index]
        return f"{aggregate.function}#{read.index}"

    def operands(self, reads: Sequence[Operand | AggregateRef], values: Sequence[Value]) -> Operands:
        """Return what a condition saw, for the record: numbers rounded to 6 places, unknown as None."""
        return tuple((self.name(read), _plain(value)) for read, value in zip(reads, values, strict=True))

    def setpoint(self, output: str) -> Setpoint:
        """Return the output's present value with its lease."""
        return Setpoint(output, self.setpoints[output], self.outputs[output].lease_ns / 1e9)

    def setpoints_in_force(self) -> list[Setpoint]:
        """Return every setpoint, so that a device that comes back takes it again."""
        return [self.setpoint(name) for name in self.setpoints]

    def state(self) -> list[Any]:
        """Return what a snapshot keeps."""
        return [
            self.t,
            self.events,
            dict(sorted(self.counters.items())),
            self.readings,
            self.latest,
            self.setpoints,
            [accumulator.state() for accumulator in self.accumulators],
        ]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned."""
        self.t, self.events, counters, readings, latest, setpoints, accumulators = state
        self.counters = Counter(counters)
        self.readings = {name: (t, health, tuple(values)) for name, (t, health, values) in readings.items()}
        self.latest = {step: (t, fields) for step, (t, fields) in latest.items()}
        self.setpoints.update({name: value for name, value in setpoints.items() if name in self.setpoints})
        for accumulator, kept in zip(self.accumulators, accumulators, strict=True):
            accumulator.restore(kept)

    def _field(self, name: str, field: str) -> Value:
        plan = self.inputs[name]
        if name not in self.readings:
            return UNKNOWN
        taken_t, health, values = self.readings[name]
        if health != Health.GOOD or self.t - taken_t > plan.max_age_ns:
            return UNKNOWN
        value = values[[known for known, _ in plan.fields].index(field)]
        return value if math.isfinite(value) else UNKNOWN

    def _newest(self, step: str, field: str) -> Value:
        """Return a field of a step's newest result, if it is healthy and no older than its input allows."""
        taken_t, fields = self.latest.get(step, (0, None))
        plan = next(one for one in self.plan.steps if one.name == step)
        if fields is None or self.t - taken_t > self.inputs[plan.input].max_age_ns:
            return UNKNOWN
        return fields.get(field, UNKNOWN)


def _plain(value: Value) -> object:
    if value is UNKNOWN:
        return None
    return round(value, 6) if isinstance(value, float) else value
