"""Workflows: their names, what they take and give, and whether they can be unfolded at all."""

from __future__ import annotations

from collections.abc import Mapping

from .cycles import arrows
from .gather import gather
from .names import Family, check_name, entries
from .sections.workflows import Workflow
from .shape import join
from .source import Node
from .steps.order import cut_cycles, in_order
from .steps.unfold import GIVEN
from .world import World

MOST_STEPS = 1_000  # of a pipeline, with workflows unfolded
DEEPEST = 8


def gather_workflows(world: World, root: Node) -> None:
    """Fill in the workflows of the file; those that cannot be unfolded are told and left out."""
    world.workflows = gather(root, "workflows", Workflow, world.nodes, world.report)
    for name in world.workflows:
        node, path = world.nodes[f"workflows.{name}"], f"workflows.{name}"
        for section, kind in (("takes", f"taken by workflow {name}"), ("gives", f"field of workflow {name}")):
            family = Family(world.names, kind)
            for key, (_, place) in entries(node, section).items():
                at = f"{path}.{section}.{key}"
                check_name(key, place, at, world.report, False)
                family.define(key, place, at, world.report)
        for step, (_, place) in entries(node, "steps").items():
            at = f"{path}.steps.{step}"
            if check_name(step, place, at, world.report) and step == GIVEN:
                world.report.add(*place, at, f"'{GIVEN}' names what the workflow is given", "give it another name")
    _bound(world, root)


def _bound(world: World, root: Node) -> None:
    """Report workflows that use themselves, by way of others or not, and those that unfold into too much."""
    uses = {name: _used_by(world.nodes[f"workflows.{name}"]) for name in world.workflows}
    left, cycles = cut_cycles({name: frozenset(some) & uses.keys() for name, some in uses.items()})
    places = {name: place for name, (_, place) in entries(root, "workflows").items()}
    endless = {name for cycle in cycles for name in cycle}
    for cycle in cycles:
        what = f"uses itself: {arrows([f'{name} (line {places[name][0]})' for name in cycle])}"
        hint = "steps run once, in order; there are no loops"
        world.report.add(*places[cycle[0]], join("workflows", cycle[0]), what, hint)
    sizes, depths = _measure(world, left, uses)
    for name in world.workflows:
        if name in endless or not endless.isdisjoint(uses[name]):
            continue
        if depths[name] == DEEPEST + 1:
            world.report.add(*places[name], f"workflows.{name}", f"is nested more than {DEEPEST} deep")
    total = len(entries(root, "steps")) + sum(sizes.get(name, 0) for name in _used_by(root))
    if total > MOST_STEPS:
        section = root.mapping["steps"]
        what = f"are {total} steps with their workflows unfolded"
        world.report.add(section.line, section.column, "steps", what, f"at most {MOST_STEPS}")
        world.workflows.clear()
    world.workflows = {
        name: one for name, one in world.workflows.items() if name not in endless and depths[name] <= DEEPEST
    }


def _measure(
    world: World, left: Mapping[str, frozenset[str]], uses: Mapping[str, list[str]]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return how many steps each workflow unfolds into, and how deep workflows stand in it."""
    sizes: dict[str, int] = {}
    depths: dict[str, int] = {}
    for name in in_order(left):
        own = len(entries(world.nodes[f"workflows.{name}"], "steps")) + 1
        sizes[name] = own + sum(sizes[one] for one in uses[name] if one in left[name])
        depths[name] = 1 + max((depths[one] for one in left[name]), default=0)
    return sizes, depths


def _used_by(node: Node) -> list[str]:
    """Return the workflow of each step that uses one."""
    steps = (step for step, _ in entries(node, "steps").values())
    return [step.mapping["workflow"].text for step in steps if "workflow" in step.mapping]
