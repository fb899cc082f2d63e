"""What a condition sees at a moment: the value of each operand, and of an unknown one the reason."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ripieno.engine import Engine
from ripieno.engine.items import Item
from ripieno.plan import AggregateRef, Expression, Operand
from ripieno.rules import operands_of
from ripieno.rules.kleene import Read
from ripieno.rules.spoken import aggregate_text
from ripieno.values import UNKNOWN, Health

from .terms import terms_of


class Seen:
    """The engine as it is, and the item that the condition is about (None for a rule over time).

    Args:
        recorded: what the record says that the condition saw (name, value); an act may have changed an output since,
            and then it is the recorded value that counts.
    """

    def __init__(
        self, engine: Engine, item: Item | None = None, recorded: Sequence[tuple[str, object]] | None = None
    ) -> None:
        self._engine, self._scene, self._item = engine, engine.scene, item
        self._recorded = list(recorded or ())

    def terms(self, tree: Expression) -> dict[str, Any]:
        """Return the condition term by term."""
        reads = operands_of(tree)
        values = {read: self._value(read) for read in reads}
        if len(self._recorded) == len(reads):
            for read, (_, told) in zip(reads, self._recorded, strict=True):
                if _rounded(values[read]) != told:
                    values[read] = UNKNOWN if told is None else told
        return terms_of(tree, values, self._scene.plan.aggregates, self.doubt)

    def windows(self, tree: Expression) -> list[dict[str, Any]]:
        """Return the samples behind each aggregate of the condition, oldest first; unknown is None."""
        found = []
        for read in operands_of(tree):
            if not isinstance(read, AggregateRef):
                continue
            accumulator = self._scene.accumulators[read.index]
            value = accumulator.value(self._scene.t)
            samples = [(t, None if one is UNKNOWN else one) for t, one in accumulator.samples()]
            found.append(
                {
                    "window": aggregate_text(self._scene.plan.aggregates[read.index], self._scene.plan.aggregates),
                    "value": None if value is UNKNOWN else value,
                    "known": sum(sample is not None for _, sample in samples),
                    "samples": [[round(t / 1e9, 6), sample] for t, sample in samples],
                }
            )
        return found

    def doubt(self, read: Read) -> str:
        """Say why an operand is unknown."""
        if isinstance(read, AggregateRef):
            return self._few(read)
        if read.source == "input":
            return self._reading(read)
        if read.source == "step" and self._item is not None:
            return self._answer(self._item, read)
        return self._newest(read)

    def _value(self, read: Read) -> Any:
        if isinstance(read, Operand) and read.source == "step" and self._item is not None:
            return self._item.operand(read.name, read.field)
        return self._scene.look_up(read)

    def _answer(self, item: Item, read: Operand) -> str:
        if read.name in item.results:
            return item.why or f"the answer of {read.name} has no {read.field}"
        if read.name in item.called:
            return "the model was asked, and no answer came in time"
        return item.why or "no frame of it came"

    def _few(self, read: AggregateRef) -> str:
        return self._scene.accumulators[read.index].doubt()

    def _reading(self, read: Operand) -> str:
        plan = self._scene.inputs[read.name]
        if read.name not in self._scene.readings:
            return "no reading has come"
        taken_t, health, values = self._scene.readings[read.name]
        if health != Health.GOOD:
            return f"the reading is {health}"
        age_ns = self._scene.t - taken_t
        if age_ns > plan.max_age_ns:
            return f"the reading is {age_ns / 1e6:.0f} ms old, {plan.max_age_ns / 1e6:.0f} ms are allowed"
        return "the reading is no number" if not all(map(math.isfinite, values)) else "there is no such value"

    def _newest(self, read: Operand) -> str:
        taken_t, fields = self._scene.latest.get(read.name, (0, None))
        if read.name not in self._scene.latest:
            return f"{read.name} has not answered yet"
        if fields is None:
            return f"the last answer of {read.name} was not healthy"
        return f"the last answer of {read.name} is {(self._scene.t - taken_t) / 1e6:.0f} ms old"


def _rounded(value: Any) -> object:
    if value is UNKNOWN:
        return None
    return round(value, 6) if isinstance(value, float) else value
