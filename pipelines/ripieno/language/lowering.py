"""Checked sections -> their plans: names of the plan, numbers in ns and mm, defaults filled in."""

from __future__ import annotations

from typing import Any

from ripieno.plan import ItemPlan, OutputPlan

from .sections.items import MovingItem
from .sections.outputs import PulseOutput, SetpointOutput
from .world import Item


def output_plan(name: str, one: Any) -> OutputPlan:
    """Return the plan of an output."""
    if isinstance(one, PulseOutput):
        return OutputPlan(name, one.kind, "", one.safe, one.before, one.after, one.late, one.hold)
    if isinstance(one, SetpointOutput):
        low, high = one.range
        return OutputPlan(name, one.kind, one.unit, one.safe, low=low, high=high, step=one.step, lease_ns=one.lease)
    return OutputPlan(name, one.kind, "", "")


def item_plan(name: str, one: Item) -> ItemPlan:
    """Return the plan of an item; the places of one that moves in the order of its way."""
    if not isinstance(one, MovingItem):
        return ItemPlan(name, one.starts, "", (), "", one.decide_within, one.key or "")
    places = tuple(
        sorted(((place, float(mm)) for place, mm in one.places.items()), key=lambda pair: (pair[1], pair[0]))
    )
    return ItemPlan(name, one.starts.partition(".")[0], one.follows, places, one.decide_before)
