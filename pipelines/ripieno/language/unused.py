"""Steps and workflows of which nothing comes. Told only of a file without other problems: they may hide a use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ripieno.plan import FlowStep, RulePlan, StepPlan

from .expressions.scope import Scope
from .names import entries
from .source import Node
from .steps import Steps
from .steps.reads import aggregates_in, operands_in
from .world import World


def report_unused(world: World, scope: Scope, steps: Steps, rules: Iterable[RulePlan], root: Node) -> None:
    """Report each step that no rule needs, not even by way of others, and each workflow that no step uses."""
    reads = {name: _reads(plan, scope) for name, plan in steps.plans.items()}
    start = {name for rule in rules for name in _reads((rule.when, rule.do, rule.verify), scope)}
    start |= {name for name, plan in steps.plans.items() if isinstance(plan, StepPlan) and plan.report}
    found, left = set(start), list(start)
    while left:
        for name in reads.get(left.pop(), ()):
            if name not in found:
                found.add(name)
                left.append(name)
    users: dict[str, list[str]] = {}
    for name, some in reads.items():
        for one in some:
            users.setdefault(one, []).append(name)
    for name, (path, place) in steps.places.items():
        if name in found or name not in steps.plans:
            continue
        by = ", ".join(f"'{one}'" for one in users.get(name, ()))
        what = f"is used only by {by}, of which nothing comes" if by else "is used nowhere: no rule needs what it says"
        world.report.add(*place, path, what, _mend(steps.plans[name]))
    used = {one.section.workflow for one in steps.built.values() if one.kind == "workflow"}
    for name in [*used]:
        used |= _inside(world, name)
    for name, (_, place) in entries(root, "workflows").items():
        if name not in used:
            world.report.add(*place, f"workflows.{name}", "is used by no step", f"a step {{workflow: {name}, ...}}")


def _inside(world: World, name: str) -> set[str]:
    """Return the workflows that a workflow uses, by way of others or not."""
    found, left = {name}, [name]
    while left:
        node = world.nodes.get(f"workflows.{left.pop()}")
        for step, _ in entries(node, "steps").values() if node is not None else ():
            inner = step.mapping.get("workflow")
            if inner is not None and inner.text not in found:
                found.add(inner.text)
                left.append(inner.text)
    return found


def _reads(tree: Any, scope: Scope) -> set[str]:
    """Return the steps that a plan or a tree reads."""
    found = {one.name for one in operands_in(tree) if one.source == "step"}
    for aggregate in aggregates_in(tree, scope.aggregates):
        found |= {aggregate.on} | {one.name for one in operands_in(aggregate.of) if one.source == "step"}
    if isinstance(tree, StepPlan) and tree.crop:
        found.add(tree.crop)
    base = getattr(tree, "base", "")
    return found | {base} if base else found


def _mend(plan: StepPlan | FlowStep) -> str:
    if isinstance(plan, StepPlan):
        return "name one of its fields in a rule, give it 'report', or remove it"
    return "name one of its fields in a rule, or remove it"
