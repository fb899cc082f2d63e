"""Conditions that cannot hold together, however the operands change."""

from __future__ import annotations

import math

from ripieno.plan import Compare, Const, Expression, OneOf, Operand

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def contradiction(terms: tuple[Expression, ...]) -> str:
    """Return why these conditions cannot hold together, "" where nothing speaks against it.

    Looked at are comparisons of one operand with constants.
    """
    texts: dict[Expression, set[object]] = {}
    ranges: dict[Expression, tuple[float, float]] = {}
    for term in terms:
        if isinstance(term, OneOf) and all(isinstance(value, str) for value in term.values):
            allowed = texts.setdefault(term.term, set(term.values))
            allowed &= set(term.values)
        if isinstance(term, Compare) and isinstance(term.left, Const):
            term = Compare(_MIRRORED.get(term.operator, term.operator), term.right, term.left)
        if not isinstance(term, Compare) or not isinstance(term.right, Const):
            continue
        of, value = term.left, term.right.value
        if isinstance(value, str) and term.operator == "==":
            texts.setdefault(of, {value}).intersection_update({value})
        elif isinstance(value, float):
            low, high = ranges.get(of, (-math.inf, math.inf))
            low = max(low, value) if term.operator in (">", ">=", "==") else low
            high = min(high, value) if term.operator in ("<", "<=", "==") else high
            ranges[of] = (low, high)
    for one, known in texts.items():
        if not known:
            return f"{_name_of(one)} is one text at a time; write 'or'"
    for one, (low, high) in ranges.items():
        if low > high:
            return f"{_name_of(one)} is never above {low:g} and below {high:g} at once"
    return ""


def _name_of(tree: Expression) -> str:
    return f"{tree.name}.{tree.field}" if isinstance(tree, Operand) else "the value"
