"""Expressions: a checked subset of Python's, turned into the plan's typed trees.

    and or not   == != < <= > >= (chained)   in (...)   + - * /   x if c else y
    look.label   1.5   60ms   5%   "text"   true   abs round min max
    share count mean min max rate deviation quantile trend changed (of, last=20 parts | 60s, min=10)   since(of)

`ast.parse` reads the text after tokens.py has let it pass; each node is then taken from a whitelist. Every
problem of an expression is reported; a part that has one is left out of further checks.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable

from ripieno.plan import And, Arithmetic, Choice, Const, Not, Or, Otherwise
from ripieno.rules import bent

from . import units
from .calls import Calls
from .comparisons import Comparisons
from .contradictions import contradiction
from .operands import Operands, name_of
from .scope import Scope, Spot
from .syntax import letters, parse
from .tokens import NotInLanguage, Tokens
from .typed import (
    ANY,
    BOOL,
    MEASURES,
    POISON,
    Source,
    Typed,
    constant,
    result_range,
    result_type,
)

_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


class Grammar:
    """Turns the text at one spot into a typed tree."""

    def __init__(self, scope: Scope, spot: Spot, text: str | None = None) -> None:
        self.scope, self.spot = scope, spot
        self.text = spot.node.text if text is None else text
        self.tokens = Tokens("", {})
        self.inside = ""  # the aggregate whose argument is being read
        self.sampled: dict[str, Source] = {}  # sources named there

    def condition(self, may_be_true: bool = False) -> Typed:
        """Return a condition: a truth value that can be true and can be false; `may_be_true`: or is `true`."""
        typed = self.value()
        if typed.is_poison:
            return POISON
        if typed.type != BOOL:
            return self._wrong(0, f"should be a condition, true or false (got a {typed.type})")
        if isinstance(typed.tree, Const):
            if may_be_true and typed.tree.value is True:
                return typed
            return self._wrong(0, f"is always {str(typed.tree.value).lower()}")
        why = self.scope.impossible(typed.tree)
        if why:
            return self._wrong(0, "can never hold", why)
        if self.scope.indexes and bent(typed.tree, self.scope.aggregates) is not None:
            return self._wrong(0, "nobody can say when this turns by time alone", "compare each since(...) by itself")
        return typed

    def value(self) -> Typed:
        """Return any value."""
        try:
            tree, self.tokens = parse(self.text)
        except NotInLanguage as error:
            return self._wrong(error.column, error.message, error.hint)
        return self.take(tree)

    def take(self, node: ast.expr) -> Typed:
        """Return the typed tree of a node; POISON after reporting what is wrong with it."""
        read = _READERS.get(type(node))
        if read is None:
            hint = "a number has a point: 0.5" if isinstance(node, ast.Tuple) else ""
            return self.wrong(node, f"{name_of(node)} is not part of the language", hint)
        return read(self, node)

    def wrong(self, node: ast.AST, message: str, hint: str = "") -> Typed:
        """Report a problem at a node."""
        return self._wrong(self.column(node), message, hint)

    def _wrong(self, column: int, message: str, hint: str = "") -> Typed:
        line, place = self.spot.node.at(column + self.spot.offset)
        self.scope.report.add(line, place, self.spot.path, message, hint)
        return POISON

    def column(self, node: ast.AST) -> int:
        """Return the column of a node in letters."""
        return letters(self.tokens.text, getattr(node, "col_offset", 0))

    def _operand(self, node: ast.Constant | ast.Name | ast.Attribute) -> Typed:
        return Operands(self).take(node)

    def _logic(self, node: ast.BoolOp) -> Typed:
        terms = [self.take(value) for value in node.values]
        is_or = isinstance(node.op, ast.Or)
        types = {term.type for term in terms} - {ANY}
        if any(term.is_poison for term in terms) or not types:
            return POISON
        if types == {BOOL}:
            trees = tuple(term.tree for term in terms)
            if not is_or and (why := contradiction(trees)):
                return self.wrong(node, "can never hold", why)
            return Typed(Or(trees) if is_or else And(trees), BOOL, 0, 1)
        if not is_or or len(types) > 1:
            words = " and ".join(sorted(types))
            return self.wrong(node, f"'{'or' if is_or else 'and'}' joins conditions (got {words})", "")
        fit = units.all_aligned(terms) if types <= set(MEASURES) else terms
        if fit is None:
            return self.wrong(node, f"'or' cannot join {' and '.join(map(units.shown, terms))}")
        whole = fit[-1]
        for term in reversed(fit[:-1]):
            low, high = min(term.low, whole.low), max(term.high, whole.high)
            tree = Otherwise(term.tree, whole.tree)
            whole = Typed(tree, term.type, low, high, _either(term, whole), unit=units.unit_of(term, whole))
        return whole

    def _unary(self, node: ast.UnaryOp) -> Typed:
        term = self.take(node.operand)
        if term.is_poison:
            return POISON
        if isinstance(node.op, ast.Not):
            if term.type != BOOL:
                return self.wrong(node, f"'not' wants a condition (got a {term.type})")
            if isinstance(term.tree, Const):
                return constant(not term.tree.value, BOOL)
            return Typed(Not(term.tree), BOOL, 0, 1)
        if term.type not in MEASURES or isinstance(node.op, ast.Invert):
            return self.wrong(node, f"a sign wants a number (got a {term.type})")
        if isinstance(node.op, ast.UAdd):
            return term
        if isinstance(term.tree, Const):
            return constant(-float(term.tree.value), term.type, term.written, term.unit)
        return Typed(Arithmetic("-", Const(0.0), term.tree), term.type, -term.high, -term.low, unit=term.unit)

    def _arithmetic(self, node: ast.BinOp) -> Typed:
        left, right = self.take(node.left), self.take(node.right)
        if left.is_poison or right.is_poison:
            return POISON
        operator = _ARITHMETIC.get(type(node.op))
        if operator is None:
            return self.wrong(node, "of arithmetic there is + - * /")
        both = units.joined(operator, left, right)
        type_ = result_type(operator, both[0].type, both[1].type) if both is not None else None
        if both is None or type_ is None:
            return self.wrong(node, f"'{operator}' cannot join {units.shown(left)} and {units.shown(right)}")
        left, right, unit = both
        if operator == "/" and right.low == right.high == 0:
            return self.wrong(node, "divides by zero")
        low, high = result_range(operator, left, right)
        if isinstance(left.tree, Const) and isinstance(right.tree, Const) and math.isfinite(low):
            return constant(low, type_, left.written or right.written, unit)
        return Typed(Arithmetic(operator, left.tree, right.tree), type_, low, high, unit=unit)

    def _compare(self, node: ast.Compare) -> Typed:
        return Comparisons(self).take(node)

    def _choice(self, node: ast.IfExp) -> Typed:
        condition, then, otherwise = self.take(node.test), self.take(node.body), self.take(node.orelse)
        if condition.is_poison or then.is_poison or otherwise.is_poison:
            return POISON
        if condition.type != BOOL:
            return self.wrong(node.test, f"'if' wants a condition (got a {condition.type})")
        both = units.aligned(then, otherwise) if {then.type, otherwise.type} <= set(MEASURES) else (then, otherwise)
        if both is None or both[0].type != both[1].type:
            what = f"(got {units.shown(then)} and {units.shown(otherwise)})"
            return self.wrong(node, f"both values should be of one type {what}")
        then, otherwise = both
        tree = Choice(condition.tree, then.tree, otherwise.tree)
        low, high = min(then.low, otherwise.low), max(then.high, otherwise.high)
        return Typed(tree, then.type, low, high, _either(then, otherwise), unit=units.unit_of(then, otherwise))

    def _call(self, node: ast.Call) -> Typed:
        return Calls(self).take(node)


def _either(left: Typed, right: Typed) -> tuple[str, ...] | None:
    """Return the labels of a value that is one of two."""
    if left.labels is None or right.labels is None:
        return None
    return tuple(dict.fromkeys((*left.labels, *right.labels)))


_READERS: dict[type[ast.expr], Callable[..., Typed]] = {
    ast.Constant: Grammar._operand,
    ast.Name: Grammar._operand,
    ast.Attribute: Grammar._operand,
    ast.BoolOp: Grammar._logic,
    ast.UnaryOp: Grammar._unary,
    ast.BinOp: Grammar._arithmetic,
    ast.Compare: Grammar._compare,
    ast.IfExp: Grammar._choice,
    ast.Call: Grammar._call,
}
