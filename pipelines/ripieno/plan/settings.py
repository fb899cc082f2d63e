"""What of a plan may be set without a new plan: numbers that conditions compare with, and cooldowns. Nothing else.

    PIPELINE.RULE.STEP.FIELD      `look.score >= 0.50` of rule `pass`: quality-control.pass.look.score
    PIPELINE.RULE.threshold       a comparison with anything else, where the rule has one
    PIPELINE.RULE.cooldown_s

What keeps a machine from harm is none of it: ranges, steps, leases and spans of outputs, deadlines, places. A number
is offered where the condition's text names it once, so that what `why` shows is what decided.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from .expressions import AggregateRef, And, Arithmetic, Compare, Const, Expression, Not, Operand, Or
from .tree import PipelinePlan, Plan, RulePlan

ANY: Final = (-math.inf, math.inf)
LONGEST_COOLDOWN_S: Final = 3600.0
_OPERATORS: Final = (">=", "<=", "==", "!=", ">", "<")  # the longer ones first
_NUMBER: Final = r"\s*([+-]?[0-9]+(?:\.[0-9]+)?)(?![\w.%])"


@dataclass(frozen=True, slots=True)
class Setting:
    """One number of a rule: its value, and what it may be. `place`: its comparison, None for the cooldown."""

    value: float
    low: float
    high: float
    place: Compare | None


def settings_of(plan: Plan) -> dict[str, Setting]:
    """Return what may be set, by key, with the values of this plan."""
    return {key: setting for one in plan.pipelines for key, setting in of_pipeline(one)}


def of_pipeline(pipeline: PipelinePlan) -> Iterator[tuple[str, Setting]]:
    """Yield what may be set of one pipeline, by key."""
    for rule in pipeline.rules:
        yield from _of_rule(pipeline, rule)


def problems(plan: Plan, values: Mapping[str, Any], whole: bool = True) -> dict[str, str]:
    """Return what is wrong with a document, by key; empty: it may be applied. `whole`: none may be missing."""
    known = settings_of(plan)
    found = {key: f"missing; it is {known[key].value:g} now" for key in known if whole and key not in values}
    for key, value in values.items():
        if key not in known:
            found[key] = f"there is no such setting; there are {', '.join(known) or 'none'}"
        elif type(value) not in (int, float) or not math.isfinite(value):
            found[key] = f"should be a number (got {value!r})"
        elif not known[key].low <= value <= known[key].high:
            found[key] = f"should be {known[key].low:g} to {known[key].high:g} (got {value:g})"
    return found


def tuned(plan: Plan, values: Mapping[str, float]) -> Plan:
    """Return the plan with these numbers. Every key is one of `settings_of`."""
    return replace(plan, pipelines=tuple(_tuned_pipeline(one, values) for one in plan.pipelines))


def _of_rule(pipeline: PipelinePlan, rule: RulePlan) -> Iterator[tuple[str, Setting]]:
    found = [one for one in _comparisons(rule.when) if _times(rule.text, one) == 1]
    names = [_name(one) for one in found]
    for name, one in zip(names, found, strict=True):
        if Counter(names)[name] == 1:
            yield f"{pipeline.name}.{rule.name}.{name}", _threshold(pipeline, one)
    if rule.cooldown_ns:
        yield (
            f"{pipeline.name}.{rule.name}.cooldown_s",
            Setting(rule.cooldown_ns / 1e9, 0.001, LONGEST_COOLDOWN_S, None),
        )


def _threshold(pipeline: PipelinePlan, place: Compare) -> Setting:
    assert isinstance(place.right, Const)
    return Setting(float(place.right.value), *_range(pipeline, place.left), place)


def _tuned_pipeline(pipeline: PipelinePlan, values: Mapping[str, float]) -> PipelinePlan:
    rules = []
    for rule in pipeline.rules:
        places: dict[Compare, Compare] = {}
        for key, setting in _of_rule(pipeline, rule):
            value = float(values.get(key, setting.value))
            if setting.place is not None and value != setting.value:
                places[setting.place] = replace(setting.place, right=Const(value))
            elif setting.place is None:
                rule = replace(rule, cooldown_ns=round(value * 1e9))
        rules.append(replace(rule, when=_with(rule.when, places), text=_told(rule.text, places)) if places else rule)
    return replace(pipeline, rules=tuple(rules))


def _told(text: str, places: Mapping[Compare, Compare]) -> str:
    """Return a condition's text with the new numbers."""
    new = {(old.operator, old.right): one.right for old, one in places.items()}

    def said(met: re.Match[str]) -> str:
        now = new.get((met[1], Const(float(met[2]))))
        return f"{met[1]} {now.value!r}" if isinstance(now, Const) else met[0]

    return re.sub(f"({'|'.join(_OPERATORS)}){_NUMBER}", said, text)


def _times(text: str, one: Compare) -> int:
    """Return how often the text compares with this number in this way."""
    found = re.findall(f"({'|'.join(_OPERATORS)}){_NUMBER}", text)
    return sum(operator == one.operator and Const(float(number)) == one.right for operator, number in found)


def _comparisons(when: Expression) -> Iterator[Compare]:
    match when:
        case And(terms) | Or(terms):
            for term in terms:
                yield from _comparisons(term)
        case Not(term):
            yield from _comparisons(term)
        case Compare(_, left, Const(value)) if type(value) in (int, float) and not isinstance(left, Const):
            yield when


def _with(when: Expression, places: Mapping[Compare, Compare]) -> Expression:
    match when:
        case And(terms):
            return And(tuple(_with(term, places) for term in terms))
        case Or(terms):
            return Or(tuple(_with(term, places) for term in terms))
        case Not(term):
            return Not(_with(term, places))
        case Compare():
            return places.get(when, when)
    return when


def _name(one: Compare) -> str:
    match one.left:
        case Operand(_, name, field, _):
            return f"{name}.{field}" if field else name
    return "threshold"


def _range(pipeline: PipelinePlan, left: Expression) -> tuple[float, float]:
    """Return what the left side can be, where it is known: a threshold beyond it would decide nothing."""
    match left:
        case Operand("step", _, "score", _):
            return 0.0, 1.0
        case AggregateRef(index) if pipeline.aggregates[index].function == "share":
            return 0.0, 1.0
        case Arithmetic("-", one, other):
            (low, high), (other_low, other_high) = _range(pipeline, one), _range(pipeline, other)
            return low - other_high, high - other_low
        case Arithmetic("+", one, other):
            (low, high), (other_low, other_high) = _range(pipeline, one), _range(pipeline, other)
            return low + other_low, high + other_high
    return ANY
