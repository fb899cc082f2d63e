"""Steps over what streams in: `window` makes features of a sensor, `join` brings values together."""

from __future__ import annotations

import math
import re

from ripieno.plan import Feature, JoinStep, Operand, WindowStep

from ..expressions.typed import NUMBER, Field
from ..expressions.units import per_second
from ..inputs import Inputs
from ..nearest import did_you_mean
from ..sections import steps as sections
from ..sections.inputs import ReadingInput
from ..source import Node
from .step import Made, Step, field_of

FEATURES = {
    "last": "the newest",
    "mean": "the mean",
    "min": "the least",
    "max": "the greatest",
    "range": "the greatest less the least",
    "deviation": "the standard deviation of the population",
    "rms": "the square root of the mean of the squares",
    "slope": "how fast it changes, least squares, in its unit a second",
}
POLICIES = ("nearest", "latest", "all_of")
_CALL = re.compile(r"\s*([A-Za-z]\w*)\s*\(\s*([A-Za-z]\w*)\s*\)\s*\Z")


def make_window(step: Step, inputs: Inputs) -> Made:
    """Return a step that makes features."""
    one: sections.WindowStep = step.section
    world, node = step.world, step.node.mapping["window"]
    place, path = (node.line, node.column), f"{step.path}.window"
    known = world.names.use(one.window, ("input",), place, path, world.report) is not None
    if known and not world.is_input(one.window, ReadingInput):
        step.at("window", f"should be a reading input ('{one.window}' is a {world.kind_of(one.window)})")
        known = False
    family = step.names("features")
    fields = inputs.fields_of_reading(one.window) if known and one.window in world.inputs else {}
    features, sources, whole = [], {}, True
    for name, text in step.node.mapping["features"].mapping.items():
        feature = _feature(step, inputs, name, text, fields)
        if feature is None:
            whole = False
        else:
            features.append(feature)
            sources[name] = _range(feature.function, fields[feature.field])
    plan = WindowStep(step.name, one.window, one.last, one.every, one.min, tuple(features))
    return Made((plan,), step.source(sources, family) if whole else step.unknown())


def _feature(step: Step, inputs: Inputs, name: str, node: Node, fields: dict[str, Field]) -> Feature | None:
    """Return `function(field)` of the window."""
    path, report = f"{step.path}.features.{name}", step.world.report
    found = _CALL.match(node.text)
    if found is None:
        report.add(node.line, node.column, path, "should be a function of a field", "such as rms(load)")
        return None
    function, field = found.groups()
    if function not in FEATURES:
        line, column = node.at(found.start(1))
        report.add(line, column, path, f"there is no feature '{function}'", did_you_mean(function, FEATURES))
        return None
    if not fields:
        return None
    window = step.section.window
    if field not in fields:
        line, column = node.at(found.start(2))
        report.add(line, column, path, f"input '{window}' has no field '{field}'", did_you_mean(field, fields))
        inputs.family(window).miss(field, node.line, path, report)
        return None
    inputs.family(window).mark(field)
    return Feature(name, function, field)


def _range(function: str, field: Field) -> Field:
    """Return what is known of a feature: the mean is in the field's range, a slope anywhere."""
    low, high, unit = field.low, field.high, field.unit
    match function:
        case "range":
            return Field(NUMBER, 0.0, high - low, unit=unit)
        case "deviation":
            return Field(NUMBER, 0.0, (high - low) / 2, unit=unit)
        case "rms":
            return Field(NUMBER, 0.0, max(abs(low), abs(high)), unit=unit)
        case "slope":
            return Field(NUMBER, -math.inf, math.inf, unit=per_second(unit))
    return field


def make_join(step: Step) -> Made:
    """Return a step that brings values together."""
    one: sections.JoinStep = step.section
    policy, within = _policy(step, one)
    if one.wait is not None and policy not in ("", "nearest"):
        step.at("wait", f"is for nearest: {policy} waits for nothing", "remove it")
    family = step.names("join")
    _base(step, one.with_)
    values = step.values("join")
    fields: list[tuple[str, Operand]] = []
    for name, typed in values.items():
        node = step.node.mapping["join"].mapping[name]
        if isinstance(typed.tree, Operand) and typed.tree.source != "output":
            fields.append((name, typed.tree))
        elif not typed.is_poison:
            what = "should be NAME.FIELD of an input or a step"
            step.world.report.add(node.line, node.column, f"{step.path}.join.{name}", what, "compute with it in a map")
    base = step.scope.sources.get(one.with_)
    name = (base.name if base is not None else "") or one.with_
    others = tuple(dict.fromkeys(operand.name for _, operand in fields if operand.name != name))
    if not others and len(fields) == len(values):
        step.at("join", f"joins nothing: all values are of '{one.with_}'")
    when = step.when()
    trees = [operand for _, operand in fields]
    base_needed = [Operand("step", name, "", NUMBER)] if base is not None and base.kind == "step" else []
    plan = JoinStep(
        name=step.name,
        each=step.each,
        base=name,
        others=others,
        policy=policy,
        within_ns=within,
        wait_ns=one.wait or 0,
        fields=tuple(fields),
        when=when,
        needs=step.needs(trees, when, base_needed),
    )
    known = {name: field_of(typed) for name, typed in values.items()}
    return Made((plan,), step.source(known, family))


def _policy(step: Step, one: sections.JoinStep) -> tuple[str, int]:
    """Return how values find one another, and within how long."""
    given = [key for key in POLICIES if getattr(one, key) is not None]
    if not given:
        step.at("", "does not say which values belong together", "one of nearest, latest, all_of: 50ms")
        return "", 0
    if len(given) > 1:
        step.at(given[1], f"says it in two ways: {' and '.join(given)}", "remove one of them")
    return given[0], getattr(one, given[0])


def _base(step: Step, name: str) -> None:
    """Check that the base is a stream, or a step of the same item."""
    node = step.node.mapping["with"]
    place, path = (node.line, node.column), f"{step.path}.with"
    kind = step.scope.names.use(name, ("step", "input"), place, path, step.world.report)
    source = step.scope.sources.get(name)
    if kind is None or source is None:
        return
    if not source.sampled and not source.unknown_fields:
        step.at("with", f"should be an input or a step whose values come one by one ('{name}' has none)")
    elif source.each and source.each != step.each:
        step.at("with", f"'{name}' has a result for each {source.each}", f"give the step 'each: {source.each}'")
    elif step.each and not source.each:
        what = f"'{name}' belongs to no {step.each}"
        step.at("with", what, f"a step with each: {step.each}, or remove 'each'")
