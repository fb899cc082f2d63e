"""Kleene's strong three-valued logic on values or UNKNOWN, and a plain interpreter of expression trees.

The interpreter says what a tree means; `generate.py` makes the same as one fast function, and tests hold the
two together. A number that is not finite is unknown.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ripieno.plan import (
    AggregateRef,
    And,
    Arithmetic,
    Call,
    Choice,
    Compare,
    Const,
    Expression,
    Not,
    OneOf,
    Operand,
    Or,
    Otherwise,
)
from ripieno.values import UNKNOWN

LARGEST = 1.7976931348623157e308
Read = Operand | AggregateRef

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "round": lambda value: float(round(value)),
}


def negate(term: Any) -> Any:
    """Return not."""
    return UNKNOWN if term is UNKNOWN else not term


def conjoin(terms: Iterable[Any]) -> Any:
    """Return and: false if one is false, else unknown if one is unknown."""
    found: Any = True
    for term in terms:
        if term is False:
            return False
        if term is UNKNOWN:
            found = UNKNOWN
    return found


def disjoin(terms: Iterable[Any]) -> Any:
    """Return or: true if one is true, else unknown if one is unknown."""
    found: Any = False
    for term in terms:
        if term is True:
            return True
        if term is UNKNOWN:
            found = UNKNOWN
    return found


def finite(value: Any) -> Any:
    """Return the number, or UNKNOWN if it is infinite or none."""
    return value if -LARGEST <= value <= LARGEST else UNKNOWN


def evaluate(tree: Expression, reads: Sequence[Read], values: Sequence[Any]) -> Any:
    """Return the tree's value, given the value of each read."""
    return _evaluate(tree, dict(zip(reads, values, strict=True)))


def _evaluate(tree: Expression, known: Mapping[Read, Any]) -> Any:
    match tree:
        case Const(value):
            return value
        case Operand() | AggregateRef():
            return known[tree]
        case Not(term):
            return negate(_evaluate(term, known))
        case And(terms):
            return conjoin(_evaluate(term, known) for term in terms)
        case Or(terms):
            return disjoin(_evaluate(term, known) for term in terms)
        case OneOf(term, values):
            value = _evaluate(term, known)
            return UNKNOWN if value is UNKNOWN else value in values
        case Otherwise(left, right):
            value = _evaluate(left, known)
            return _evaluate(right, known) if value is UNKNOWN else value
        case Choice(condition, then, otherwise):
            chosen = _evaluate(condition, known)
            return UNKNOWN if chosen is UNKNOWN else _evaluate(then if chosen else otherwise, known)
        case Compare(sign, left, right):
            pair = (_evaluate(left, known), _evaluate(right, known))
            return UNKNOWN if UNKNOWN in pair else _COMPARE[sign](*pair)
        case Arithmetic(sign, left, right):
            pair = (_evaluate(left, known), _evaluate(right, known))
            if UNKNOWN in pair or (sign == "/" and pair[1] == 0):
                return UNKNOWN
            return finite(_ARITHMETIC[sign](*pair))
        case Call(function, arguments):
            given = [_evaluate(one, known) for one in arguments]
            return UNKNOWN if UNKNOWN in given else _FUNCTIONS[function](*given)
    raise TypeError(f"{type(tree).__name__} is no expression")
