"""`workflow: triage`: its steps as if they stood there, as `triage.words`, and what it gives as a map of that name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ripieno.plan import FlowStep, MapStep, StepPlan

from ..expressions.grammar import Grammar
from ..expressions.scope import Scope, Spot
from ..expressions.typed import Field, Source, Typed
from ..names import Family, Names, entries
from ..nearest import did_you_mean
from ..sections.workflows import Workflow
from ..source import Node
from .step import Made, Of, Step, field_of, is_unknown_anyway, joined

if TYPE_CHECKING:
    from .reading import Steps

GIVEN = "given"


def make_workflow(step: Step, steps: Steps) -> Made:
    """Return the unfolded steps. That a workflow cannot be unfolded was told where it is defined."""
    world, name = step.world, step.section.workflow
    node = step.node.mapping["workflow"]
    place, path = (node.line, node.column), f"{step.path}.workflow"
    known = world.names.use(name, ("workflow",), place, path, world.report)
    workflow = world.workflows.get(name)
    if known is None or workflow is None:
        return Made((), step.unknown())
    given = _given(step, name, workflow)
    whens = step.whens()
    section = world.nodes[f"workflows.{name}"]
    scope = _inner_scope(step, name, workflow, given)
    for local, (_, at) in entries(section, "steps").items():
        scope.names.define("step", local, at, f"workflows.{name}.steps.{local}", world.report)
    plans: list[StepPlan | FlowStep] = []
    if given:
        fields = tuple((key, typed.tree) for key, typed in given.items() if not typed.is_poison)
        when = joined(whens)
        plans.append(MapStep(f"{step.name}.{GIVEN}", step.each, when, step.needs(fields, when), fields))
        step.scope.steps[f"{step.name}.{GIVEN}"] = (len(step.scope.steps), step.each)
    of = Of(f"workflows.{name}.steps", f"{step.name}.", step.each, whens, (*steps.of.chain, name))
    inner = steps.inside(scope, of)
    inner.build(entries(section, "steps"))
    inner.read()
    plans += inner.plans.values()
    steps.places.update(inner.places)
    gives = _gives(step, scope, name, section)
    scope.names.finish()
    trees = tuple((key, typed.tree) for key, typed in gives.items())
    plans.append(MapStep(step.name, step.each, joined(whens), step.needs(trees, joined(whens)), trees))
    if is_unknown_anyway(gives.values()):
        return Made(tuple(plans), step.unknown())
    family = Family(world.names, f"field of workflow {name}")
    return Made(tuple(plans), step.source({key: field_of(typed) for key, typed in gives.items()}, family))


def _given(step: Step, name: str, workflow: Workflow) -> dict[str, Typed]:
    """Return what the workflow is given, each of the type that it takes."""
    node = step.node.mapping.get("given")
    family = Family(step.world.names, f"taken by workflow {name}")
    values = step.values("given") if node is not None else {}
    found: dict[str, Typed] = {}
    for key, typed in values.items():
        assert node is not None
        path, at = f"{step.path}.given.{key}", node.keys[key]
        if key not in workflow.takes:
            what = f"workflow '{name}' takes no '{key}'"
            step.world.report.add(*at, path, what, did_you_mean(key, workflow.takes))
            family.miss(key, at[0], path, step.world.report)
            continue
        family.mark(key)
        wanted, value = workflow.takes[key], node.mapping[key]
        if step.plain(typed, value, path) and typed.type != wanted:
            what = f"workflow '{name}' takes a {wanted} (got a {typed.type})"
            step.world.report.add(value.line, value.column, path, what)
        found[key] = typed
    missing = [key for key in workflow.takes if key not in values]
    if missing and not any(key not in workflow.takes for key in values):
        step.at("given" if node is not None else "workflow", f"workflow '{name}' also takes {', '.join(missing)}")
    return found


def _inner_scope(step: Step, name: str, workflow: Workflow, given: dict[str, Typed]) -> Scope:
    """Return what the workflow's own expressions may name: what is given, and its steps."""
    names, path = Names(), f"workflows.{name}.takes"
    takes = step.world.nodes[f"workflows.{name}"].mapping.get("takes")
    family = Family(names, f"taken by {name}")
    for key, place in takes.keys.items() if takes is not None else ():
        family.define(key, place, f"{path}.{key}", step.world.report)
    fields = {key: field_of(given[key]) if key in given else Field(kind) for key, kind in workflow.takes.items()}
    source = Source("step", fields, step.each, True, f"{step.name}.{GIVEN}", family)
    if not workflow.takes:
        source = Source("step", {}, step.each, True, hint=f"workflow '{name}' takes nothing: takes: {{...}}")
    at = (takes.line, takes.column) if takes is not None else (0, 0)
    names.define("step", GIVEN, at, path, step.world.report)
    names.mark("step", GIVEN)
    return step.scope.inside(names, {GIVEN: source})


def _gives(step: Step, scope: Scope, name: str, section: Node) -> dict[str, Typed]:
    """Return the values that the workflow gives."""
    found = {}
    for key, node in section.mapping["gives"].mapping.items():
        spot = Spot(node, f"workflows.{name}.gives.{key}", step.each, subject="workflow")
        found[key] = Grammar(scope, spot).value()
    return found
