"""Conditions that cannot hold together, however the operands change."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ripieno.plan import And, Compare, Const, Expression, Not, OneOf, Operand, Or

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


def contradiction(terms: tuple[Expression, ...]) -> str:
    """Return why these conditions cannot hold together, "" where nothing speaks against it.

    Looked at are comparisons of one operand with constants, and truth values.
    """
    known: dict[Expression, _Known] = {}
    for term in terms:
        _note(term, True, known)
    for one, what in known.items():
        if why := what.why_not(_name_of(one)):
            return why
    return ""


@dataclass(slots=True)
class _Known:
    """What must be true of one value."""

    allowed: set[object] | None = None
    excluded: set[object] = field(default_factory=set)
    low: float = -math.inf
    high: float = math.inf
    low_is_out: bool = False
    high_is_out: bool = False
    is_text: bool = False

    def among(self, values: set[object]) -> None:
        self.allowed = values if self.allowed is None else self.allowed & values

    def compare(self, operator: str, value: float) -> None:
        if operator in (">", ">=", "==") and (value > self.low or (value == self.low and operator == ">")):
            self.low, self.low_is_out = value, operator == ">"
        if operator in ("<", "<=", "==") and (value < self.high or (value == self.high and operator == "<")):
            self.high, self.high_is_out = value, operator == "<"

    def why_not(self, name: str) -> str:
        if self.allowed is not None and not self.allowed - self.excluded:
            if self.is_text:
                return f"{name} is one text at a time; write 'or'"
            return f"{name} is never true and false at once"
        if self.low > self.high or (self.low == self.high and (self.low_is_out or self.high_is_out)):
            return f"{name} is never above {self.low:g} and below {self.high:g} at once"
        return ""


def _note(term: Expression, holds: bool, known: dict[Expression, _Known]) -> None:
    """Note what is known where `term` is true (`holds`) or false."""
    match term:
        case And(terms) if holds:
            for one in terms:
                _note(one, True, known)
        case Or(terms) if not holds:
            for one in terms:
                _note(one, False, known)
        case Not(inner):
            _note(inner, not holds, known)
        case OneOf(value, values) if all(isinstance(one, str) for one in values):
            _either(known.setdefault(value, _Known()), set(values), holds)
        case Compare(operator, Const() as left, right) if not isinstance(right, Const):
            _note(Compare(_MIRRORED.get(operator, operator), right, left), holds, known)
        case Compare(operator, value, Const(constant)):
            _compare(known.setdefault(value, _Known()), operator if holds else _NEGATED[operator], constant)
        case Operand():
            _either(known.setdefault(term, _Known()), {True}, holds)


def _either(what: _Known, values: set[object], holds: bool) -> None:
    what.is_text = any(isinstance(value, str) for value in values)
    if holds:
        what.among(values)
    elif what.is_text:
        what.excluded |= values
    else:
        what.among({value for value in (True, False) if value not in values})


def _compare(what: _Known, operator: str, constant: object) -> None:
    if isinstance(constant, (str, bool)):
        if operator in ("==", "!="):
            _either(what, {constant}, operator == "==")
    elif isinstance(constant, float):
        what.compare(operator, constant)


def _name_of(tree: Expression) -> str:
    return f"{tree.name}.{tree.field}" if isinstance(tree, Operand) else "the value"
