"""Inputs: their fields and limits checked, their plans, and what expressions may name of them."""

from __future__ import annotations

from typing import Any

from ripieno.plan import FieldLimits, InputPlan

from .expressions.typed import NUMBER, TEXT, Field, Source
from .names import Family, check_name
from .saying import got
from .sections.inputs import FrameInput, MessageInput, ReadingField, ReadingInput, RecordInput
from .shape import build
from .source import Node
from .world import World

LARGEST = 1.7976931348623157e308  # where the file gives no limit: a plan holds finite numbers only
FOUND = "found"


class Inputs:
    """The inputs of one file. Reading fields are sections of their own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._readings: dict[str, dict[str, ReadingField]] = {}
        for name, one in world.inputs.items():
            if isinstance(one, ReadingInput):
                self._readings[name] = self._fields(f"inputs.{name}")
            elif isinstance(one, RecordInput) and FOUND in one.fields:
                place = world.nodes[f"inputs.{name}"].mapping["fields"].keys[FOUND]
                path = f"inputs.{name}.fields.{FOUND}"
                world.report.add(*place, path, "says of a lookup whether there is a record", "give it another name")
            self._define(name)

    def plans(self) -> tuple[InputPlan, ...]:
        """Return the plans, in the order of the file."""
        return tuple(self._plan(name, one) for name, one in self._world.inputs.items())

    def sources(self) -> dict[str, Source]:
        """Return what expressions may name."""
        return {name: self._source(name, one) for name, one in self._world.inputs.items()}

    def record_fields(self, name: str) -> dict[str, Field]:
        """Return the fields that a lookup in this record input has, besides `found`."""
        return {field: Field(kind) for field, kind in self._world.inputs[name].fields.items()}

    def family(self, name: str) -> Family:
        """Return the names of an input's fields."""
        return Family(self._world.names, f"field of {name}")

    def fields_of_reading(self, name: str) -> dict[str, Field]:
        """Return the fields of a reading input, with what is known of their numbers."""
        found = {}
        for field, one in self._readings.get(name, {}).items():
            low, high = one.range or (-LARGEST, LARGEST)
            rail_low, rail_high = one.saturates or (-LARGEST, LARGEST)
            low, high = max(low, rail_low), min(high, rail_high)
            unbounded = (one.range or one.saturates) is None
            found[field] = Field(NUMBER, unit=one.unit) if unbounded else Field(NUMBER, low, high, unit=one.unit)
        return found

    def _fields(self, path: str) -> dict[str, ReadingField]:
        """Return the fields of a reading input, each written as its unit or as a mapping."""
        section = self._world.nodes[path].mapping["fields"]
        found: dict[str, ReadingField] = {}
        for name, node in section.mapping.items():
            at = f"{path}.fields.{name}"
            if isinstance(node.value, dict):
                made, right = build(ReadingField, node, at, self._world.report)
                found[name] = made or ReadingField()
                if made is not None:
                    self._check_limits(made, right, at)
            else:
                found[name] = self._short(node, at)
        return found

    def _short(self, node: Node, path: str) -> ReadingField:
        """Return a field that is written as its unit."""
        if isinstance(node.value, str) and 0 < len(node.value) <= 20:
            return ReadingField(unit=node.value)
        what = f"should be a unit such as bar, or a mapping with unit, range, saturates, stuck_after (got {got(node)})"
        self._world.report.add(node.line, node.column, path, what)
        return ReadingField()

    def _check_limits(self, one: ReadingField, node: Node, path: str) -> None:
        report = self._world.report
        for key, pair in (("range", one.range), ("saturates", one.saturates)):
            if pair is not None and pair[0] >= pair[1]:
                at = node.mapping[key]
                what = f"should be [low, high] with low below high (got {pair[0]:g}, {pair[1]:g})"
                report.add(at.line, at.column, f"{path}.{key}", what)
                return
        if one.range and one.saturates and not one.saturates[0] <= one.range[0] <= one.range[1] <= one.saturates[1]:
            at = node.mapping["range"]
            rails = f"{one.saturates[0]:g} to {one.saturates[1]:g}"
            what = f"goes beyond what the sensor can tell, {rails}"
            report.add(at.line, at.column, f"{path}.range", what, "range: plausible; saturates: the ends of the sensor")

    def _define(self, name: str) -> None:
        """Note the names of the fields, so that a misspelt one is told where it stands."""
        node = self._world.nodes[f"inputs.{name}"].mapping.get("fields")
        for field, place in node.keys.items() if node is not None else ():
            path = f"inputs.{name}.fields.{field}"
            check_name(field, place, path, self._world.report, False)
            self.family(name).define(field, place, path, self._world.report)

    def _source(self, name: str, one: Any) -> Source:
        match one:
            case ReadingInput():
                fields = self.fields_of_reading(name)
                return Source("input", fields, sampled=True, family=self.family(name), counted="readings")
            case MessageInput():
                fields = {field: Field(kind) for field, kind in one.fields.items()}
                each = self._world.item_of_input(name)
                family = self.family(name)
                return Source("input", fields, each, sampled=True, family=family, counted="messages")
            case FrameInput() if each := self._world.item_of_input(name):
                return Source("input", {"key": Field(TEXT)}, each)
            case RecordInput():
                return Source("input", {}, hint="it is looked up: name a step `lookup: " + name + "`")
        return Source("input", {})

    def _plan(self, name: str, one: Any) -> InputPlan:
        if isinstance(one, ReadingInput):
            readings = self._readings[name]
            fields = tuple((field, each.unit) for field, each in readings.items())
            return InputPlan(name, one.kind, one.max_age, fields, _limits(readings))
        return InputPlan(name, one.kind, getattr(one, "max_age", 0), tuple(getattr(one, "fields", {}).items()))


def _limits(readings: dict[str, ReadingField]) -> tuple[FieldLimits, ...]:
    """Return the limits of those fields that have some."""
    everything = (-LARGEST, LARGEST)
    return tuple(
        FieldLimits(name, *(one.range or everything), *(one.saturates or everything), one.stuck_after or 0)
        for name, one in readings.items()
        if one.range or one.saturates or one.stuck_after
    )
