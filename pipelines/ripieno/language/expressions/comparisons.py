"""Comparisons in expressions: `a < b <= c`, `x in (...)`, each side in one unit, and none that can never hold."""

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING

from ripieno.plan import And, Compare, Const, Expression, Not, OneOf

from ..nearest import did_you_mean
from ..nearest import shown as listed
from . import units
from .contradictions import contradiction
from .typed import BOOL, DURATION, LENGTH, MEASURES, NUMBER, POISON, TEXT, Typed, can_hold

if TYPE_CHECKING:
    from .grammar import Grammar

_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


class Comparisons:
    """Reads the comparisons of one expression."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar

    def take(self, node: ast.Compare) -> Typed:
        """Return the typed tree of a comparison, or of a chain of them."""
        terms: list[Expression] = []
        poisoned = False
        left = self._grammar.take(node.left)
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, (ast.In, ast.NotIn)):
                found, right = self._one_of(left, right_node, isinstance(operator, ast.NotIn)), POISON
            elif type(operator) in _OPERATORS:
                right = self._grammar.take(right_node)
                found = self._pair(node, right_node, _OPERATORS[type(operator)], left, right)
            else:
                found = self._grammar.wrong(node, "'is' is not part of the language", "compare with ==")
                right = POISON
            poisoned = poisoned or found.is_poison
            terms.append(found.tree)
            left = right
        if poisoned:
            return POISON
        if len(terms) > 1 and (why := contradiction(tuple(terms))):
            return self._grammar.wrong(node, "can never hold", why)
        return Typed(terms[0] if len(terms) == 1 else And(tuple(terms)), BOOL, 0, 1)

    def _pair(self, node: ast.expr, right_node: ast.expr, operator: str, left: Typed, right: Typed) -> Typed:
        wrong = self._grammar.wrong
        if left.is_poison or right.is_poison:
            return POISON
        both = units.aligned(left, right) if left.type in MEASURES and right.type in MEASURES else (left, right)
        if both is None or both[0].type != both[1].type:
            return wrong(right_node, *no_match(left, right))
        if left.type in (TEXT, BOOL) and operator not in ("==", "!="):
            return wrong(node, f"a {left.type} can be compared with == and != only")
        if left.type == TEXT and not self._labels_fit(right_node, left, right):
            return POISON
        if isinstance(left.tree, Const) and isinstance(right.tree, Const):
            return wrong(node, "compares two constants")
        left, right = both
        if left.type in MEASURES and not can_hold(operator, left, right):
            known = left if isinstance(right.tree, Const) else right
            return wrong(node, "can never hold", f"{known.name or 'the value'} is {_between(known)}")
        return Typed(Compare(operator, left.tree, right.tree), BOOL, 0, 1)

    def _labels_fit(self, node: ast.expr, left: Typed, right: Typed) -> bool:
        for side, other in ((left, right), (right, left)):
            if isinstance(side.tree, Const) and not isinstance(other.tree, Const):
                return self._fits(node, str(side.tree.value), other)
        return True

    def _fits(self, node: ast.expr, label: str, of: Typed) -> bool:
        """Whether a value can be this text; reports it if not."""
        if of.labels is None or label in of.labels:
            if of.branches is not None:
                of.branches.mark(label)
            return True
        labels = [one for one in of.labels if one]
        near = did_you_mean(label, labels)
        every = f"he labels are {listed(labels)}"
        hint = f"{near} T{every}" if near.startswith("did") else f"t{every}"
        self._grammar.wrong(node, f"{of.name or 'the value'} is never '{label[:60]}'", hint)
        if of.branches is not None:
            spot = self._grammar.spot
            of.branches.miss(label, spot.node.line, spot.path, self._grammar.scope.report)
        return False

    def _one_of(self, term: Typed, values: ast.expr, negated: bool) -> Typed:
        wrong = self._grammar.wrong
        if not isinstance(values, (ast.Tuple, ast.List)) or not values.elts:
            return wrong(values, "'in' wants values in brackets", 'such as look.label in ("over", "under")')
        constants = [self._grammar.take(value) for value in values.elts]
        if term.is_poison or any(one.is_poison for one in constants):
            return POISON
        known: list[bool | float | str] = []
        for one, value in zip(constants, values.elts, strict=True):
            if not isinstance(one.tree, Const):
                return wrong(value, "'in' wants constants")
            both = units.aligned(one, term) if {one.type, term.type} <= set(MEASURES) else (one, term)
            if both is None or both[0].type != term.type:
                return wrong(value, *no_match(term, one))
            if term.type == TEXT and not self._fits(value, str(one.tree.value), term):
                return POISON
            tree = both[0].tree
            known.append(tree.value if isinstance(tree, Const) else one.tree.value)
        found = OneOf(term.tree, tuple(known))
        return Typed(Not(found) if negated else found, BOOL, 0, 1)


def no_match(left: Typed, right: Typed) -> tuple[str, str]:
    """Return message and hint for two values that cannot be compared."""
    types = {left.type, right.type}
    if left.unit and right.unit:
        return f"cannot compare {left.unit} with {right.unit}", "both sides should be of one unit"
    if left.unit or right.unit:
        return f"cannot compare {units.shown(left)} with {units.shown(right)}", "both sides should be of one unit"
    hint = ""
    if types == {TEXT, NUMBER}:
        hint = "a text is written in quotes, a number without"
    elif DURATION in types:
        hint = "a duration is written with its unit, such as 60ms"
    elif LENGTH in types:
        hint = "a length is written with its unit, such as 120mm"
    return f"cannot compare a {left.type} with a {right.type}", hint


def _between(known: Typed) -> str:
    if known.low == known.high:
        return f"{known.low:g}"
    if math.isinf(known.low):
        return f"at most {known.high:g}"
    return f"at least {known.low:g}" if math.isinf(known.high) else f"between {known.low:g} and {known.high:g}"
