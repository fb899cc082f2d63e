"""What of a plan may be set from afar: numbers that conditions compare with, and cooldowns. Nothing else.

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
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ripieno.plan import (
    AggregateRef,
    And,
    Arithmetic,
    Compare,
    Const,
    Expression,
    Not,
    Operand,
    Or,
    PipelinePlan,
    Plan,
    RulePlan,
)

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
    return {key: setting for one in plan.pipelines for rule in one.rules for key, setting in _of_rule(one, rule)}


def problems(plan: Plan, values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with a whole document, by key; empty: it may be applied."""
    known = settings_of(plan)
    found = {key: f"missing; it is {known[key].value:g} now" for key in known if key not in values}
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


class Tuning:
    """The settings of a running plan, as the twin wants them (twin.Settings).

    Args:
        plan: of the files.
        put: has another plan decide from the next event on; returns when that is durable. Raises RipienoError.
    """

    def __init__(self, plan: Plan, put: Callable[[Plan], Awaitable[None]]) -> None:
        self._plan, self._put = plan, put
        self._now = plan

    def begin_with(self, values: Mapping[str, Any]) -> tuple[Plan, dict[str, str]]:
        """Return the plan to start with, and why some of the kept values are not in it: the files have changed since.

        Where one key does not fit, the others still do.
        """
        wrong = {key: why for key, why in problems(self._plan, values).items() if key in values}
        self._now = tuned(self._plan, {key: value for key, value in values.items() if key not in wrong})
        return self._now, wrong

    def problems(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """See twin.Settings."""
        return problems(self._plan, values)

    async def apply(self, values: Mapping[str, Any]) -> None:
        """See twin.Settings: an event is decided by the old numbers or by the new ones, never by some of each."""
        following = tuned(self._plan, values)
        if following != self._now:
            await self._put(following)
            self._now = following

    def effective(self) -> Mapping[str, Any]:
        """See twin.Settings."""
        return {key: setting.value for key, setting in settings_of(self._now).items()}


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
