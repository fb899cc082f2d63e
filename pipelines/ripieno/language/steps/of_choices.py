"""Steps that settle something: `route` takes one of several branches, `agree` asks whether independent values agree."""

from __future__ import annotations

from ripieno.plan import AgreeStep, Const, Expression, Not, RouteStep

from ..expressions import units
from ..expressions.contradictions import contradiction
from ..expressions.typed import BOOL, MEASURES, NUMBER, TEXT, Field, Typed
from ..names import Family
from ..nearest import did_you_mean
from ..sections import steps as sections
from .step import Made, Step, is_unknown_anyway


def make_route(step: Step) -> Made:
    """Return a step that takes a branch."""
    one: sections.RouteStep = step.section
    nodes = step.node.mapping["route"].mapping
    names = tuple(nodes)
    family = Family(step.scope.names, f"branch of {step.local}")
    step.define(family, "route", False)
    branches: list[tuple[str, Expression]] = []
    for name, node in nodes.items():
        path = f"{step.path}.route.{name}"
        last = name == names[-1]
        typed = step.condition(node, path, may_be_true=last)
        if typed.is_poison:
            continue
        if last and not isinstance(typed.tree, Const):
            what = "the last branch should be 'true': where all are false, none is taken"
            step.world.report.add(node.line, node.column, path, what, f"{name}: true, or one more branch")
        first = next((other for other, tree in branches if contradiction((Not(tree), typed.tree))), None)
        if first is not None and not isinstance(typed.tree, Const):
            what = f"is never taken: where this holds, '{first}' does"
            step.world.report.add(node.line, node.column, path, what, "put it before, or narrow that one")
        branches.append((name, typed.tree))
    if one.unknown not in nodes:
        step.at("unknown", f"there is no branch '{one.unknown}'", did_you_mean(one.unknown, names))
        at = step.node.mapping["unknown"]
        family.miss(one.unknown, at.line, f"{step.path}.unknown", step.world.report)
    else:
        family.mark(one.unknown)
    when = step.when()
    plan = RouteStep(step.name, step.each, when, step.needs(branches, when), tuple(branches), one.unknown)
    return Made((plan,), step.source({"branch": Field(TEXT, labels=names, branches=family)}))


def make_agree(step: Step) -> Made:
    """Return a step that asks for agreement."""
    one: sections.AgreeStep = step.section
    nodes = step.node.mapping["agree"].value
    assert isinstance(nodes, tuple)
    values = [step.value(node, f"{step.path}.agree") for node in nodes]
    when = step.when()
    fit = _checked(step, one, values)
    if fit is None:
        return Made((), step.unknown())
    labels: tuple[str, ...] | None = ()
    for typed in fit:
        labels = None if labels is None or typed.labels is None else (*labels, *typed.labels)
    agreed = Field(
        fit[0].type,
        min(typed.low for typed in fit),
        max(typed.high for typed in fit),
        tuple(dict.fromkeys(labels)) if labels else None,
        units.unit_of(*fit),
    )
    trees = tuple(typed.tree for typed in fit)
    plan = AgreeStep(step.name, step.each, when, step.needs(trees, when), trees, one.at_least, one.tolerance or 0.0)
    return Made((plan,), step.source({"agreed": agreed, "votes": Field(NUMBER, 0.0, float(len(fit)))}))


def _checked(step: Step, one: sections.AgreeStep, values: list[Typed]) -> list[Typed] | None:
    """Return the values in one unit, None where they cannot be compared, which is reported."""
    if one.at_least > len(values):
        step.at("at_least", f"is more than there are values: {len(values)} (got {one.at_least})")
    elif 2 * one.at_least <= len(values):
        what = f"should be more than half of {len(values)} (got {one.at_least})"
        step.at("at_least", what, "else two answers can both have enough votes")
    if is_unknown_anyway(values):
        return None
    types = sorted({typed.type for typed in values})
    measures = set(types) <= set(MEASURES)
    fit = units.all_aligned(values) if measures else values
    if fit is None or (not measures and len(types) > 1):
        shown = ", ".join(dict.fromkeys(units.shown(typed) for typed in values))
        step.at("agree", f"the values should be of one type (got {shown})")
        return None
    twice = next((typed for index, typed in enumerate(fit) if typed.tree in [one.tree for one in fit[:index]]), None)
    if twice is not None:
        step.at("agree", f"names {twice.name or 'a value'} twice", "a value is no evidence for itself")
    if any(isinstance(typed.tree, Const) for typed in fit):
        step.at("agree", "a constant is no evidence")
    if measures and one.tolerance is None:
        step.at("", "missing key 'tolerance'", "numbers agree within it: tolerance: 0.5")
    if not measures and one.tolerance is not None:
        step.at("tolerance", f"is for numbers (the values are {'texts' if types != [BOOL] else 'true or false'})")
    return fit
