"""One step while it is read: its expressions, whom it is for, what it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ripieno.plan import AggregateRef, And, Expression, FlowStep, StepPlan

from ..expressions.grammar import Grammar
from ..expressions.scope import Scope, Spot, When
from ..expressions.typed import DURATION, LENGTH, Field, Source, Typed
from ..items import misspelt_place
from ..names import Family, check_name
from ..sections.items import MovingItem
from ..sections.steps import ModelStep
from ..shape import join
from ..source import Node
from ..world import World
from .reads import nodes_in, operands_in


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a step: its plans (none where it has problems) and what expressions may name of it."""

    plans: tuple[StepPlan | FlowStep, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Of:
    """Whose steps these are.

    Attributes:
        path: of the list in the file.
        prefix: before their names in the plan.
        each, outer: item kind and conditions of the step that uses the workflow.
        chain: the workflows that they are inside of, the outermost first; empty for the pipeline's own.
    """

    path: str = "steps"
    prefix: str = ""
    each: str = ""
    outer: tuple[When, ...] = ()
    chain: tuple[str, ...] = ()


@dataclass(slots=True)
class Step:
    """A step of the file, or of a workflow.

    Attributes:
        name: in the plan; `local`: in the file.
        section: its class, as built. node: with misspelt keys set right.
        each: the item kind that it runs once for, "" for a stream.
        outer: the conditions of the steps that use the workflow in which it stands.
        sections: all steps beside it, by local name.
    """

    world: World
    scope: Scope
    name: str
    local: str
    section: Any
    node: Node
    path: str
    each: str
    outer: tuple[When, ...] = ()
    sections: Mapping[str, Any] = field(default_factory=dict)

    def at(self, key: str, message: str, hint: str = "") -> None:
        """Report a problem at a key, or at the step where the key is not given."""
        node = self.node.mapping.get(key)
        place = node or self.node
        self.world.report.add(place.line, place.column, join(self.path, key) if node else self.path, message, hint)

    def value(self, node: Node, path: str) -> Typed:
        """Return the value of an expression."""
        return Grammar(self.scope, self._spot(node, path)).value()

    def values(self, key: str) -> dict[str, Typed]:
        """Return the expressions under a key, by name."""
        return {
            name: self.value(node, f"{self.path}.{key}.{name}") for name, node in self.node.mapping[key].mapping.items()
        }

    def condition(self, node: Node, path: str, may_be_true: bool = False) -> Typed:
        """Return a condition."""
        return Grammar(self.scope, self._spot(node, path)).condition(may_be_true)

    def whens(self) -> tuple[When, ...]:
        """Return the conditions under which it runs, and note them."""
        whens = self.outer
        node = self.node.mapping.get("when")
        if node is not None:
            own = self.condition(node, f"{self.path}.when")
            if own.is_poison:
                return whens
            whens = (*whens, When(own.tree, node.text))
        before = [one for when in whens for one in self.scope.needed_whens(when.tree)]
        if whens:
            self.scope.whens[self.name] = tuple(dict.fromkeys((*whens, *before)))
        return whens

    def when(self) -> Expression | None:
        """Return the condition under which it runs, and note it; None for always."""
        return joined(self.whens())

    def needs(self, *trees: Any) -> tuple[str, ...]:
        """Return the steps, in the order of the file, whose answers these trees read and that run as often as this."""
        steps = self.scope.steps
        named = {one.name for one in operands_in(trees) if one.source == "step"}
        same = [name for name in named if name in steps and steps[name][1] == self.each]
        return tuple(sorted(same, key=lambda name: steps[name][0]))

    def names(self, key: str) -> Family:
        """Note the names under a key as fields of this step, and return their family."""
        family = Family(self.scope.names, f"field of {self.local}")
        self.define(family, key)
        return family

    def define(self, family: Family, key: str, are_fields: bool = True) -> None:
        """Note the names under a key."""
        for name, place in self.node.mapping[key].keys.items():
            path = f"{self.path}.{key}.{name}"
            if are_fields:
                check_name(name, place, path, self.world.report, False)
            family.define(name, place, path, self.world.report)

    def plain(self, typed: Typed, node: Node, path: str) -> bool:
        """Whether a value means something outside: a duration or a length has no unit there."""
        if typed.type not in (DURATION, LENGTH):
            return not typed.is_poison
        one = "1s" if typed.type == DURATION else "1mm"
        self.world.report.add(node.line, node.column, path, f"a {typed.type} has no unit here", f"divide it by {one}")
        return False

    def source(self, fields: Mapping[str, Field], family: Family | None = None) -> Source:
        """Return what expressions may name of it."""
        counted = "results" if self.each else "frames" if getattr(self.section, "input", None) else "results"
        return Source("step", fields, self.each, True, self.name, family, counted=counted)

    def unknown(self) -> Source:
        """Return what expressions may name of a step that has problems: anything, and nothing is known of it."""
        return Source("step", {}, self.each, True, self.name, unknown_fields=True)

    def streams(self, trees: Any) -> bool:
        """Whether these trees read something that streams in."""
        return any(one.source != "output" for one in operands_in(trees)) or any(
            isinstance(one, AggregateRef) for one in nodes_in(trees)
        )

    def misspelt_place(self, item: MovingItem, wanted: str) -> None:
        """Report a place of the item that nothing names while its like is named and is not there."""
        named = [one.at for one in self.sections.values() if isinstance(one, ModelStep) and one.at]
        misspelt_place(self.world, self.each, item, wanted, f"{self.path}.at", named)

    def _spot(self, node: Node, path: str) -> Spot:
        return Spot(node, path, self.each, subject="step")


def joined(whens: tuple[When, ...]) -> Expression | None:
    """Return one condition for all, None for none."""
    if len(whens) < 2:
        return whens[0].tree if whens else None
    return And(tuple(one.tree for one in whens))


def field_of(typed: Typed) -> Field:
    """Return the field whose values an expression makes."""
    return Field(typed.type, typed.low, typed.high, typed.labels, typed.unit, typed.branches)


def is_unknown_anyway(values: Iterable[Typed]) -> bool:
    """Whether a problem of one of these was already reported."""
    return any(one.is_poison for one in values)
