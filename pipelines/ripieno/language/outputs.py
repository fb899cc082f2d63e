"""Outputs: whether a setpoint's numbers fit together, and what expressions may name of it."""

from __future__ import annotations

from .expressions.typed import NUMBER, Field, Source
from .sections.outputs import SetpointOutput
from .world import World


def check_outputs(world: World) -> None:
    """Report what is wrong with the outputs."""
    for name, one in world.outputs.items():
        if not isinstance(one, SetpointOutput):
            continue
        path, (low, high) = f"outputs.{name}", one.range
        if low >= high:
            world.at(path, "range", f"should be [low, high] with low below high (got {low:g}, {high:g})")
        elif not low <= one.safe <= high:
            world.at(path, "safe", f"should be inside range {low:g} to {high:g} (got {one.safe:g})")
        elif one.step > high - low:
            world.at(path, "step", f"should be at most the whole range, {high - low:g} (got {one.step:g})")


def output_sources(world: World) -> dict[str, Source]:
    """Return what expressions may name: a setpoint's value."""
    found = {}
    for name, one in world.outputs.items():
        fields = {}
        if isinstance(one, SetpointOutput):
            fields = {"value": Field(NUMBER, *one.range, unit=one.unit)}
        found[name] = Source("output", fields)
    return found
