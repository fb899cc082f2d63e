"""The conditions of all rules over time together: only what reads something that changed is computed again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ripieno.plan import AggregateRef, Expression, Operand
from ripieno.rules import LiveRules, RuleSet

from .condition import Condition, is_observed

Read = Operand | AggregateRef
LookUp = Callable[[Read], object]


class Conditions(Protocol):
    """Conditions by number."""

    def look(self, look_up: LookUp) -> list[int]:
        """Look all operands up; return the numbers of the conditions that may have another value now, rising."""

    def value(self, number: int) -> object:
        """Return a condition's value as of the last `look`."""

    def seen(self, number: int) -> tuple[Sequence[Read], list[object]]:
        """Return what a condition read, and what that was."""


def conditions(trees: Sequence[Expression]) -> Conditions:
    """Return these conditions; where they are observed, each is computed by itself, so that it tells of it."""
    return _Told(trees) if is_observed() else _Together(trees)


class _Together:
    def __init__(self, trees: Sequence[Expression]) -> None:
        self._live = LiveRules(RuleSet(trees))

    def look(self, look_up: LookUp) -> list[int]:
        return self._live.refresh(look_up)

    def value(self, number: int) -> object:
        return self._live.results[number]

    def seen(self, number: int) -> tuple[Sequence[Read], list[object]]:
        rules, values = self._live.rules, self._live.values
        slots = rules.slots_of(number)
        return [rules.reads[slot] for slot in slots], [values[slot] for slot in slots]


class _Told:
    def __init__(self, trees: Sequence[Expression]) -> None:
        self._conditions = [Condition(tree) for tree in trees]
        self._found: list[tuple[object, list[object]]] = [(None, []) for _ in trees]

    def look(self, look_up: LookUp) -> list[int]:
        self._found = [condition.value(look_up) for condition in self._conditions]
        return list(range(len(self._conditions)))

    def value(self, number: int) -> object:
        return self._found[number][0]

    def seen(self, number: int) -> tuple[Sequence[Read], list[object]]:
        return self._conditions[number].reads, self._found[number][1]
