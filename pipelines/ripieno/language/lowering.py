"""Checked sections -> their plans: names of the plan, numbers in ns and mm, defaults filled in."""

from __future__ import annotations

from typing import Any

from ripieno.plan import InputPlan, ItemPlan, OutputPlan, StepPlan

from .sections.items import Item
from .sections.outputs import PulseOutput, SetpointOutput
from .sections.steps import ModelStep


def input_plan(name: str, one: Any) -> InputPlan:
    """Return the plan of an input."""
    fields = tuple(getattr(one, "fields", {}).items())
    return InputPlan(name, one.kind, getattr(one, "max_age", 0), fields)


def output_plan(name: str, one: Any) -> OutputPlan:
    """Return the plan of an output."""
    if isinstance(one, PulseOutput):
        return OutputPlan(name, one.kind, "", one.safe, one.before, one.after, one.late, one.hold)
    if isinstance(one, SetpointOutput):
        low, high = one.range
        return OutputPlan(name, one.kind, one.unit, one.safe, low=low, high=high, step=one.step, lease_ns=one.lease)
    return OutputPlan(name, one.kind, "", "")


def item_plan(name: str, one: Item) -> ItemPlan:
    """Return the plan of an item, its places in the order of the way."""
    places = tuple(
        sorted(((place, float(mm)) for place, mm in one.places.items()), key=lambda pair: (pair[1], pair[0]))
    )
    return ItemPlan(name, one.starts.partition(".")[0], one.follows, places, one.decide_before)


def step_plan(name: str, one: ModelStep) -> StepPlan:
    """Return the plan of a step."""
    frames = one.frames or ("every" if one.each else "newest")
    match_mm = one.within if one.each else 0.0
    return StepPlan(
        name,
        one.model,
        one.input,
        one.each or "",
        one.at or "",
        match_mm,
        frames,
        one.priority,
        one.deadline,
        one.report or "",
    )
