"""What the engine knows besides items and rules: time, counters, readings, setpoints, aggregates; and the effects
of this step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ripieno.plan import (
    AggregateRef,
    InputPlan,
    JoinStep,
    Operand,
    OutputPlan,
    PipelinePlan,
    StepPlan,
    WindowStep,
)
from ripieno.rules import Accumulator, operands_of
from ripieno.values import UNKNOWN, Setpoint

from .effects import Effect, Operands
from .items import Item

if TYPE_CHECKING:
    from .handover import Handover

MANUAL = "manual"  # a person has the output; with any other word nobody has
Value = object
Reads = Sequence[Operand | AggregateRef]


class Scene:
    """Shared state of one engine; only the engine's own parts touch it.

    Attributes:
        readings: of inputs, (when taken, health, numbers).
        news: what a change of the plan ended and nobody was told yet (handover.py).
        latest: newest value of each stream, (when taken, its fields or None).
        recipe: of the items that begin now (recipes.py).
        taken: outputs that are out of the rules' hands, and how (hands.py).
        derived: streams whose value is computed when it is asked for; `derived_from`: what each reads.
    """

    def __init__(self, plan: PipelinePlan) -> None:
        self.plan = plan
        self.t = 0
        self.events = 0
        self.effects: list[Effect] = []
        self.news: list[list[Any]] = []
        self.counters: Counter[str] = Counter()
        self.readings: dict[str, tuple[int, str, tuple[float, ...]]] = {}
        self.latest: dict[str, tuple[int, dict[str, object] | None]] = {}
        self.derived: dict[str, Callable[[], dict[str, object] | None]] = {}
        self.derived_from: dict[str, tuple[Operand, ...]] = {}
        self.outputs: dict[str, OutputPlan] = {output.name: output for output in plan.outputs}
        self.inputs = {one.name: one for one in plan.inputs}
        self.setpoints: dict[str, float] = {o.name: float(o.safe) for o in plan.outputs if o.kind == "setpoint"}
        self.taken: dict[str, str] = {}
        self.recipe = ""
        self.accumulators = [Accumulator(aggregate) for aggregate in plan.aggregates]
        self._max_age_ns = _ages(plan, self.inputs)

    def look_up(self, read: Operand | AggregateRef) -> Value:
        """Return the value of an operand that belongs to no item: an aggregate, a stream's field or a setpoint."""
        if isinstance(read, AggregateRef):
            return self.accumulators[read.index].value(self.t)
        if read.source == "output":
            return self.setpoints.get(read.name, UNKNOWN)
        return self._newest(read.name, read.field)

    def lapses(self, read: Operand) -> int | None:
        """Return the first instant at which the operand's present value is too old to count; None: it has none, or it
        does not age.
        """
        if read.name in self.derived:
            ages = [at for one in self.derived_from[read.name] if (at := self.lapses(one)) is not None]
            return min(ages, default=None)
        taken_t, fields = self.latest.get(read.name, (0, None))
        return None if fields is None else taken_t + self._max_age_ns.get(read.name, 0) + 1

    def name(self, read: Operand | AggregateRef) -> str:
        """Return how a person would call the operand."""
        if isinstance(read, Operand):
            return f"{read.name}.{read.field}"
        aggregate = self.plan.aggregates[read.index]
        return f"{aggregate.function}#{read.index}"

    def operands(self, reads: Reads, values: Sequence[Value], item: Item | None = None) -> Operands:
        """Return what a condition saw, for the record: numbers rounded to 6 places, unknown as None, and ages in ms.

        Args:
            item: that the condition is about.
        """
        return tuple(
            (self.name(read), _plain(value), self._age_ms(read, item))
            for read, value in zip(reads, values, strict=True)
        )

    def _age_ms(self, read: Operand | AggregateRef, item: Item | None) -> float | None:
        """Return how long ago an operand's value was taken; None of an aggregate, an output, and of what never came."""
        if isinstance(read, AggregateRef):
            return None
        own = None if item is None else item.taken.get(read.name)
        taken_t, _ = self.latest.get(read.name, (None, None)) if own is None else (own, None)
        return None if taken_t is None else round((self.t - taken_t) / 1e6, 1)

    def setpoint(self, output: str) -> Setpoint:
        """Return the output's present value with its lease."""
        return Setpoint(output, self.setpoints[output], self.outputs[output].lease_ns / 1e9)

    def setpoints_in_force(self) -> list[Setpoint]:
        """Return every setpoint that is somebody's, so that a device that comes back takes it again."""
        return [self.setpoint(name) for name in self.setpoints if self.taken.get(name, MANUAL) == MANUAL]

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
            self.news,
            self.recipe,
        ]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned."""
        self.t, self.events, counters, readings, latest, setpoints, accumulators, *news = state
        self.news, self.recipe = news if len(news) > 1 else ([*news, []][0], "")
        self.counters = Counter(counters)
        self.readings = {name: (t, health, tuple(values)) for name, (t, health, values) in readings.items()}
        self.latest = {step: (t, fields) for step, (t, fields) in latest.items()}
        self.setpoints.update({name: value for name, value in setpoints.items() if name in self.setpoints})
        for accumulator, kept in zip(self.accumulators, accumulators, strict=True):
            accumulator.restore(kept)

    def take_over(self, before: Scene, by: Handover) -> None:
        """Go on with time and counts; with values and windows of what is the same in both plans."""
        self.t, self.events, self.counters = before.t, before.events, Counter(before.counters)
        self.news += before.news
        self.recipe = before.recipe if self.plan.recipes else ""
        self.readings = {name: value for name, value in before.readings.items() if name in by.same.inputs}
        known = by.same.inputs | by.same.steps
        self.latest = {name: value for name, value in before.latest.items() if name in known}
        for index, was in by.same.aggregates.items():
            self.accumulators[index].restore(before.accumulators[was].state())

    def _newest(self, name: str, field: str) -> Value:
        """Return a field of a stream's newest value, if it is evidence and no older than it may be."""
        if name in self.derived:
            derived = self.derived[name]()
            return UNKNOWN if derived is None else derived.get(field, UNKNOWN)
        taken_t, fields = self.latest.get(name, (0, None))
        if fields is None or self.t - taken_t > self._max_age_ns.get(name, 0):
            return UNKNOWN
        return fields.get(field, UNKNOWN)


def _ages(plan: PipelinePlan, inputs: dict[str, InputPlan]) -> dict[str, int]:
    """Return how old the newest value of each stream may be: what its source allows, and the pauses on the way."""
    ages = {name: one.max_age_ns for name, one in inputs.items()}
    steps: dict[str, Any] = {step.name: step for step in (*plan.steps, *plan.flow)}

    def age(name: str) -> int:
        if name not in ages:
            match steps[name]:
                case StepPlan() as step if step.input:
                    ages[name] = age(step.input)
                case StepPlan() as step:
                    reads = [read.name for tree in step.of for read in operands_of(tree) if isinstance(read, Operand)]
                    ages[name] = step.deadline_ns + max((age(one) for one in (*step.needs, *reads)), default=0)
                case WindowStep() as step:
                    ages[name] = step.every_ns + age(step.input)
                case JoinStep() as step:
                    ages[name] = step.wait_ns + age(step.base)
                case step:
                    ages[name] = max((age(one) for one in step.needs), default=0)
        return ages[name]

    for name in steps:
        age(name)
    return ages


def _plain(value: Value) -> object:
    if value is UNKNOWN:
        return None
    return round(value, 6) if isinstance(value, float) else value
