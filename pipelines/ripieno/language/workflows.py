"""Workflows: their names, what they take and give, and whether one uses itself."""

from __future__ import annotations

from .cycles import find_cycle
from .gather import gather
from .names import Family, check_name, entries
from .sections.workflows import Workflow
from .shape import join
from .source import Node
from .steps.unfold import GIVEN
from .world import World


def gather_workflows(world: World, root: Node) -> None:
    """Fill in the workflows of the file, and report those that cannot be unfolded."""
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
    _tell_cycles(world, root)


def _tell_cycles(world: World, root: Node) -> None:
    """Report workflows that use themselves, by way of others or not."""
    uses = {
        name: [step.mapping["workflow"].text for step, _ in steps.values() if "workflow" in step.mapping]
        for name in world.workflows
        for steps in [entries(world.nodes[f"workflows.{name}"], "steps")]
    }
    places = {name: place for name, (_, place) in entries(root, "workflows").items()}
    while cycle := find_cycle(uses):
        what = f"uses itself: {' -> '.join(f'{name} (line {places[name][0]})' for name in cycle)}"
        hint = "steps run once, in order; there are no loops"
        world.report.add(*places[cycle[0]], join("workflows", cycle[0]), what, hint)
        uses = {name: [] if name in cycle else some for name, some in uses.items()}
