"""Small changes of a plan that its cases should notice: a bound moved, a comparison turned, a timer stretched.

Each mutant is the plan with one change. One that no case notices survives: either a case is missing, or the change
makes no difference to anybody.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ripieno.plan import (
    And,
    Arithmetic,
    AskStep,
    Compare,
    Const,
    ItemPlan,
    Not,
    OneOf,
    Or,
    PipelinePlan,
    RouteStep,
    RulePlan,
    SetpointEffect,
    VerifyPlan,
    WindowStep,
)
from ripieno.plan.expressions import Aggregate
from ripieno.rules.spoken import aggregate_text, spoken

_TURNED = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",)}
_SIGNS = {"+": "-", "-": "+", "*": "/", "/": "*"}
SHIFT = 0.1  # of a bound's size
STRETCH = (2.0, 0.5)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. `where`: rule or step with its line; `what`: before -> after."""

    where: str
    what: str
    plan: PipelinePlan


def mutants_of(plan: PipelinePlan) -> Iterator[Mutant]:
    """Yield every mutant, in the order of the plan."""
    for section, changes in _Changes(plan).of.items():
        parts: tuple[Any, ...] = getattr(plan, section)
        for index, part in enumerate(parts):
            for what, changed in changes(part):
                whole: Any = {section: _with(parts, index, changed)}
                yield Mutant(_where(section, part, plan), what, replace(plan, **whole))


def _where(section: str, part: Any, plan: PipelinePlan) -> str:
    if section == "aggregates":
        return aggregate_text(part, plan.aggregates)
    source = f" ({part.source.rpartition('/')[2]})" if section == "rules" else ""
    return f"{_WORDS[section]} {part.name}{source}"


class _Changes:
    """The small changes of each part of a plan, each with its words: (what, the part changed)."""

    def __init__(self, plan: PipelinePlan) -> None:
        self._aggregates = plan.aggregates
        self.of: dict[str, Callable[[Any], Iterator[tuple[str, Any]]]] = {
            "rules": self._of_rule,
            "aggregates": self._of_aggregate,
            "flow": self._of_step,
            "steps": self._of_when,
            "items": self._of_item,
        }

    def _say(self, tree: Any) -> str:
        return spoken(tree, self._aggregates)

    def _of_rule(self, rule: RulePlan) -> Iterator[tuple[str, RulePlan]]:
        for what, tree in self._of_tree(rule.when):
            yield what, replace(rule, when=tree)
        for name, word in (("for_ns", "for"), ("cooldown_ns", "cooldown"), ("every_ns", "every")):
            yield from _stretched(rule, name, word)
        for index, effect in enumerate(rule.do):
            if (
                isinstance(effect, SetpointEffect)
                and isinstance(effect.value, Const)
                and isinstance(effect.value.value, float)
            ):
                for value in (-effect.value.value, effect.value.value / 2):
                    changed = replace(effect, value=Const(value))
                    yield (
                        f"{effect.verb}({effect.value.value:g}) -> ({value:g})",
                        replace(rule, do=_with(rule.do, index, changed)),
                    )
            yield f"without {effect.output}.{effect.verb}", replace(rule, do=(*rule.do[:index], *rule.do[index + 1 :]))
        if rule.verify is not None:
            for what, verify in self._of_verify(rule.verify):
                yield what, replace(rule, verify=verify)

    def _of_verify(self, verify: VerifyPlan) -> Iterator[tuple[str, VerifyPlan | None]]:
        for what, tree in self._of_tree(verify.that):
            yield f"verify: {what}", replace(verify, that=tree)
        if verify.after_items:
            for after in (verify.after_items - 1, verify.after_items + 1):
                if after > 0:
                    yield f"verify after {verify.after_items} -> {after}", replace(verify, after_items=after)
        yield from ((f"verify: {what}", one) for what, one in _stretched(verify, "after_ns", "after"))
        yield "without verify", None
        if verify.otherwise == "undo":
            yield "verify: undo -> alarm", replace(verify, otherwise="alarm")

    def _of_aggregate(self, aggregate: Aggregate) -> Iterator[tuple[str, Aggregate]]:
        for what, tree in self._of_tree(aggregate.of):
            yield what, replace(aggregate, of=tree)
        if aggregate.last_samples:
            for last in (aggregate.last_samples - 1, aggregate.last_samples + 1):
                if last >= aggregate.min_samples:
                    yield f"last={aggregate.last_samples} -> {last}", replace(aggregate, last_samples=last)
        yield from _stretched(aggregate, "last_ns", "last")
        if aggregate.min_samples > 1:
            for least in (aggregate.min_samples - 1, aggregate.min_samples + 1):
                yield f"min={aggregate.min_samples} -> {least}", replace(aggregate, min_samples=least)

    def _of_item(self, item: ItemPlan) -> Iterator[tuple[str, ItemPlan]]:
        yield from _stretched(item, "within_ns", "decide_within")

    def _of_when(self, step: Any) -> Iterator[tuple[str, Any]]:
        if step.when is not None:
            for what, tree in self._of_tree(step.when):
                yield what, replace(step, when=tree)

    def _of_step(self, step: Any) -> Iterator[tuple[str, Any]]:
        yield from self._of_when(step)
        match step:
            case RouteStep():
                for index, (name, tree) in enumerate(step.branches):
                    for what, changed in self._of_tree(tree):
                        yield (
                            f"branch {name}: {what}",
                            replace(step, branches=_with(step.branches, index, (name, changed))),
                        )
            case AskStep():
                yield from _stretched(step, "within_ns", "within")
            case WindowStep():
                yield from _stretched(step, "last_ns", "last")

    def _of_tree(self, tree: Any) -> Iterator[tuple[str, Any]]:
        """Yield each change of an expression: at its root, then inside each part."""
        yield from self._at_root(tree)
        for field in dataclasses.fields(tree):
            part = getattr(tree, field.name)
            if dataclasses.is_dataclass(part):
                for what, changed in self._of_tree(part):
                    yield what, replace(tree, **{field.name: changed})
            elif isinstance(part, tuple):
                for index, one in enumerate(part):
                    if dataclasses.is_dataclass(one):
                        for what, changed in self._of_tree(one):
                            yield what, replace(tree, **{field.name: _with(part, index, changed)})

    def _at_root(self, tree: Any) -> Iterator[tuple[str, Any]]:
        match tree:
            case Compare(sign, left, right):
                for turned in _TURNED[sign]:
                    yield self._turn(tree, replace(tree, operator=turned))
                for moved in _moved(left):
                    yield self._turn(tree, replace(tree, left=moved))
                for moved in _moved(right):
                    yield self._turn(tree, replace(tree, right=moved))
            case And(terms) | Or(terms):
                yield self._turn(tree, Or(terms) if isinstance(tree, And) else And(terms))
                for index in range(len(terms)):
                    rest = (*terms[:index], *terms[index + 1 :])
                    yield f"without {self._say(terms[index])}", rest[0] if len(rest) == 1 else replace(tree, terms=rest)
            case Not(term):
                yield self._turn(tree, term)
            case OneOf(term, values) if len(values) > 1:
                for index in range(len(values)):
                    yield self._turn(tree, OneOf(term, (*values[:index], *values[index + 1 :])))
            case Arithmetic(sign, _, _):
                yield self._turn(tree, replace(tree, operator=_SIGNS[sign]))

    def _turn(self, before: Any, after: Any) -> tuple[str, Any]:
        return f"{self._say(before)} -> {self._say(after)}", after


def _moved(side: Any) -> Iterator[Const]:
    """Yield a bound moved down and up by SHIFT of itself."""
    if isinstance(side, Const) and isinstance(side.value, float):
        step = abs(side.value) * SHIFT or SHIFT
        yield from (Const(side.value - step), Const(side.value + step))


def _stretched(one: Any, field: str, word: str) -> Iterator[tuple[str, Any]]:
    before = getattr(one, field)
    for factor in STRETCH if before else ():
        after = int(before * factor)
        yield f"{word} {before / 1e9:g}s -> {after / 1e9:g}s", replace(one, **{field: after})


def _with(whole: tuple[Any, ...], index: int, changed: Any) -> tuple[Any, ...]:
    return (*whole[:index], changed, *whole[index + 1 :])


_WORDS = {"rules": "rule", "flow": "step", "steps": "step", "items": "item"}
