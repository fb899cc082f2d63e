"""An expression with what is known of its value before anything runs: type, range, labels.

Types: bool, number, text, duration, length. Poison stands for what was already reported, and fits everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ripieno.plan import Const, Expression

from ..names import Family

BOOL, NUMBER, TEXT, DURATION, LENGTH, ANY = "bool", "number", "text", "duration", "length", "any"
MEASURES = (NUMBER, DURATION, LENGTH)


@dataclass(frozen=True, slots=True)
class Typed:
    """A tree and what is known of its value.

    Attributes:
        low, high: range of a number, where it is known.
        labels: the texts that it can be, None where any.
        name: how a person names it.
        unit: what the number is in, "" for a plain one and for durations and lengths, whose type says it.
        written: the unit that a constant was written with.
        branches: the names behind the labels, where they are keys of the file.
    """

    tree: Expression
    type: str
    low: float = -math.inf
    high: float = math.inf
    labels: tuple[str, ...] | None = None
    name: str = ""
    unit: str = ""
    written: str = ""
    branches: Family | None = None

    @property
    def is_poison(self) -> bool:
        """Whether a problem of it was already reported."""
        return self.type == ANY


POISON = Typed(Const(False), ANY)


@dataclass(frozen=True, slots=True)
class Field:
    """What an expression may name behind a step, an input or an output."""

    type: str
    low: float = -math.inf
    high: float = math.inf
    labels: tuple[str, ...] | None = None
    unit: str = ""
    branches: Family | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A step, input or output as expressions see it.

    Attributes:
        each: the item kind whose values it has, "" for the newest.
        sampled: whether its values come one by one, so that a window can have them.
        name: in the plan, where that is another than in the file.
        family: the names of its fields, where they are keys of the file.
        hint: what to name instead, where it has no fields.
        counted: what its values are called when they are counted.
        unknown_fields: nothing is known of its fields, because of a problem that was reported.
    """

    kind: str
    fields: Mapping[str, Field]
    each: str = ""
    sampled: bool = False
    name: str = ""
    family: Family | None = None
    hint: str = ""
    counted: str = "results"
    unknown_fields: bool = False


def constant(value: bool | float | str, type: str, written: str = "", unit: str = "") -> Typed:
    """Return a literal."""
    if type == TEXT:
        return Typed(Const(value), type, labels=(str(value),))
    return Typed(Const(value), type, float(value), float(value), written=written, unit=unit)


def plan_type(type: str) -> str:
    """Return the type that a plan's tree knows: durations and lengths are numbers there."""
    return NUMBER if type in MEASURES else type


def result_type(operator: str, left: str, right: str) -> str | None:
    """Return the type of an arithmetic result, None where there is none."""
    if left not in MEASURES or right not in MEASURES:
        return None
    if operator in ("+", "-"):
        return left if left == right else None
    if operator == "*":
        return left if right == NUMBER else right if left == NUMBER else None
    return left if right == NUMBER else NUMBER if left == right else None


def result_range(operator: str, left: Typed, right: Typed) -> tuple[float, float]:
    """Return the range of an arithmetic result (interval arithmetic; infinite where nothing is known)."""
    if operator == "+":
        corners = [left.low + right.low, left.high + right.high]
    elif operator == "-":
        corners = [left.low - right.high, left.high - right.low]
    elif operator == "/" and right.low <= 0 <= right.high:
        return -math.inf, math.inf
    else:
        pairs = [(a, b) for a in (left.low, left.high) for b in (right.low, right.high)]
        corners = [a * b if operator == "*" else a / b for a, b in pairs]
    if any(math.isnan(corner) for corner in corners):
        return -math.inf, math.inf
    return min(corners), max(corners)


def can_hold(operator: str, left: Typed, right: Typed) -> bool:
    """Whether a comparison of two measures can be true."""
    return {
        "<": left.low < right.high,
        "<=": left.low <= right.high,
        ">": left.high > right.low,
        ">=": left.high >= right.low,
        "==": left.low <= right.high and right.low <= left.high,
        "!=": not (left.low == left.high == right.low == right.high),
    }[operator]
