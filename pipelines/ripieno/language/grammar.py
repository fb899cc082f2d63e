"""Expressions: a checked subset of Python's, turned into the plan's typed trees.

    and or not   == != < <= > >= (chained)   in (...)   + - * /   x if c else y
    look.label   1.5   60ms   5%   "text"   true   abs round min max
    share count mean min max rate (of, last=20 parts | 60s, min=10)

`ast.parse` reads the text after tokens.py has let it pass; each node is then taken from a whitelist. Every
problem of an expression is reported; a part that has one is left out of further checks.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable

from ripieno.plan import And, Arithmetic, Choice, Compare, Const, Expression, Not, OneOf, Operand, Or, Otherwise

from . import quantities
from .calls import Calls
from .contradictions import contradiction
from .nearest import did_you_mean, shown
from .scope import KINDS, Scope, Spot
from .syntax import letters, parse
from .tokens import NotInLanguage, Tokens
from .typed import (
    ANY,
    BOOL,
    DURATION,
    LENGTH,
    MEASURES,
    NUMBER,
    POISON,
    TEXT,
    Typed,
    can_hold,
    constant,
    result_range,
    result_type,
)

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_ARITHMETIC: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_CONSTANTS = {"true": True, "false": False, "True": True, "False": False}


class Grammar:
    """Turns the text at one spot into a typed tree."""

    def __init__(self, scope: Scope, spot: Spot, text: str | None = None) -> None:
        self.scope, self.spot = scope, spot
        self.text = spot.node.text if text is None else text
        self.tokens = Tokens("", {})
        self.inside = ""  # the aggregate whose argument is being read
        self.sampled: dict[str, str] = {}  # sources named there

    def condition(self) -> Typed:
        """Return a condition: a truth value that can be true and can be false."""
        typed = self.value()
        if typed.is_poison:
            return POISON
        if typed.type != BOOL:
            return self._wrong(0, f"should be a condition, true or false (got a {typed.type})")
        if isinstance(typed.tree, Const):
            return self._wrong(0, f"is always {str(typed.tree.value).lower()}")
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
            return self.wrong(node, f"{_name_of(node)} is not part of the language")
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

    def _constant(self, node: ast.Constant) -> Typed:
        column, value = self.column(node), node.value
        unit = self.tokens.units.get(column, "")
        if isinstance(value, bool):
            return constant(value, BOOL)
        if isinstance(value, str):
            return constant(value, TEXT)
        if not isinstance(value, (int, float)):
            return self.wrong(node, f"{_name_of(node)} is not part of the language")
        if not unit:
            return constant(float(value), NUMBER)
        found = quantities.amount(float(value), unit)
        if found.kind == "percentage":
            return constant(found.value, NUMBER, unit="%")
        if found.kind == "duration":
            return constant(found.value, DURATION, unit=unit)
        if found.kind == "length":
            return constant(found.value, LENGTH, unit=unit)
        known = [*quantities.UNITS["duration"], *quantities.UNITS["length"]]
        return self.wrong(node, f"'{value} {unit}' is not a value here", did_you_mean(unit, known))

    def _name(self, node: ast.Name) -> Typed:
        if node.id in _CONSTANTS:
            return constant(_CONSTANTS[node.id], BOOL)
        source = self.scope.sources.get(node.id)
        if source is not None:
            self.scope.names.use(node.id, KINDS, self._place(node), self.spot.path, self.scope.report)
            fields = [f"{node.id}.{name}" for name in source.fields]
            return self.wrong(node, f"{source.kind} '{node.id}' is no value by itself", _choice(fields))
        calls = ", ".join(sorted(self.scope.sources))
        return self.wrong(
            node, f"there is nothing named '{node.id}'", did_you_mean(node.id, self.scope.sources) if calls else ""
        )

    def _place(self, node: ast.AST) -> tuple[int, int]:
        return self.spot.node.at(self.column(node) + self.spot.offset)

    def _attribute(self, node: ast.Attribute) -> Typed:
        if not isinstance(node.value, ast.Name):
            return self.wrong(node, "only 'name.field' can be named", "")
        name = node.value.id
        if self.scope.names.use(name, KINDS, self._place(node), self.spot.path, self.scope.report) is None:
            return POISON
        source = self.scope.sources.get(name)
        if source is None:
            return POISON
        field = source.fields.get(node.attr)
        if field is None:
            hint = did_you_mean(node.attr, source.fields) if source.fields else f"{source.kind} '{name}' has no fields"
            return self.wrong(node, f"{source.kind} '{name}' has no field '{node.attr}'", hint)
        if self.inside:
            self.sampled[name] = source.kind
        elif source.each and source.each != self.spot.each:
            return self.wrong(
                node,
                f"'{name}' has a result for each {source.each}, this rule runs "
                + (f"for each {self.spot.each}" if self.spot.each else "over time"),
                f"name it inside share(...) or mean(...), or give the rule 'each: {source.each}'",
            )
        operand = Operand(source.kind, name, node.attr, field.type)
        return Typed(operand, field.type, field.low, field.high, field.labels, f"{name}.{node.attr}")

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
        whole = terms[-1]
        for term in reversed(terms[:-1]):
            labels = None if term.labels is None or whole.labels is None else (*term.labels, *whole.labels)
            low, high = min(term.low, whole.low), max(term.high, whole.high)
            whole = Typed(Otherwise(term.tree, whole.tree), term.type, low, high, labels)
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
            return constant(-float(term.tree.value), term.type, term.unit)
        return Typed(Arithmetic("-", Const(0.0), term.tree), term.type, -term.high, -term.low)

    def _arithmetic(self, node: ast.BinOp) -> Typed:
        left, right = self.take(node.left), self.take(node.right)
        if left.is_poison or right.is_poison:
            return POISON
        operator = _ARITHMETIC.get(type(node.op))
        if operator is None:
            return self.wrong(node, "of arithmetic there is + - * /")
        type_ = result_type(operator, left.type, right.type)
        if type_ is None:
            return self.wrong(node, f"'{operator}' cannot join a {left.type} and a {right.type}")
        if operator == "/" and right.low == right.high == 0:
            return self.wrong(node, "divides by zero")
        low, high = result_range(operator, left, right)
        unit = left.unit or right.unit
        if isinstance(left.tree, Const) and isinstance(right.tree, Const) and math.isfinite(low):
            return constant(low, type_, unit)
        return Typed(Arithmetic(operator, left.tree, right.tree), type_, low, high, unit=unit)

    def _compare(self, node: ast.Compare) -> Typed:
        terms: list[Expression] = []
        poisoned = False
        left = self.take(node.left)
        for operator, right_node in zip(node.ops, node.comparators, strict=True):
            if isinstance(operator, (ast.In, ast.NotIn)):
                found, right = self._one_of(node, left, right_node, isinstance(operator, ast.NotIn)), POISON
            elif type(operator) in _COMPARISONS:
                right = self.take(right_node)
                found = self._pair(node, right_node, _COMPARISONS[type(operator)], left, right)
            else:
                found, right = self.wrong(node, "'is' is not part of the language", "compare with =="), POISON
            poisoned = poisoned or found.is_poison
            terms.append(found.tree)
            left = right
        if poisoned:
            return POISON
        if len(terms) > 1 and (why := contradiction(tuple(terms))):
            return self.wrong(node, "can never hold", why)
        return Typed(terms[0] if len(terms) == 1 else And(tuple(terms)), BOOL, 0, 1)

    def _pair(self, node: ast.expr, right_node: ast.expr, operator: str, left: Typed, right: Typed) -> Typed:
        if left.is_poison or right.is_poison:
            return POISON
        if left.type != right.type:
            hint = _hint_of_types(left, right)
            return self.wrong(right_node, f"cannot compare a {left.type} with a {right.type}", hint)
        if left.type in (TEXT, BOOL) and operator not in ("==", "!="):
            return self.wrong(node, f"a {left.type} can be compared with == and != only")
        if left.type == TEXT and not self._labels_fit(right_node, left, right):
            return POISON
        if isinstance(left.tree, Const) and isinstance(right.tree, Const):
            return self.wrong(node, "compares two constants")
        if left.type in MEASURES and not can_hold(operator, left, right):
            known = left if isinstance(right.tree, Const) else right
            name = known.name or "the value"
            return self.wrong(node, "can never hold", f"{name} is {_between(known)}")
        return Typed(Compare(operator, left.tree, right.tree), BOOL, 0, 1)

    def _labels_fit(self, node: ast.expr, left: Typed, right: Typed) -> bool:
        for side, other in ((left, right), (right, left)):
            if not isinstance(side.tree, Const) or other.labels is None or isinstance(other.tree, Const):
                continue
            if side.tree.value not in other.labels:
                self._no_label(node, str(side.tree.value), other)
                return False
        return True

    def _no_label(self, node: ast.expr, label: str, of: Typed) -> None:
        labels = of.labels or ()
        near = did_you_mean(label, labels)
        every = f"he labels are {shown(list(labels))}"
        hint = f"{near} T{every}" if near.startswith("did") else f"t{every}"
        self.wrong(node, f"{of.name or 'the value'} is never '{label[:60]}'", hint)

    def _one_of(self, node: ast.expr, term: Typed, values: ast.expr, negated: bool) -> Typed:
        if not isinstance(values, (ast.Tuple, ast.List)) or not values.elts:
            return self.wrong(values, "'in' wants values in brackets", 'such as look.label in ("over", "under")')
        constants = [self.take(value) for value in values.elts]
        if term.is_poison or any(one.is_poison for one in constants):
            return POISON
        for one, value in zip(constants, values.elts, strict=True):
            if not isinstance(one.tree, Const):
                return self.wrong(value, "'in' wants constants")
            if one.type != term.type:
                return self.wrong(value, f"cannot compare a {term.type} with a {one.type}", _hint_of_types(term, one))
            if term.labels is not None and one.tree.value not in term.labels:
                self._no_label(value, str(one.tree.value), term)
                return POISON
        tree = OneOf(term.tree, tuple(one.tree.value for one in constants if isinstance(one.tree, Const)))
        return Typed(Not(tree) if negated else tree, BOOL, 0, 1)

    def _choice(self, node: ast.IfExp) -> Typed:
        condition, then, otherwise = self.take(node.test), self.take(node.body), self.take(node.orelse)
        if condition.is_poison or then.is_poison or otherwise.is_poison:
            return POISON
        if condition.type != BOOL:
            return self.wrong(node.test, f"'if' wants a condition (got a {condition.type})")
        if then.type != otherwise.type:
            return self.wrong(node, f"both values should be of one type (got a {then.type} and a {otherwise.type})")
        labels = None if then.labels is None or otherwise.labels is None else (*then.labels, *otherwise.labels)
        tree = Choice(condition.tree, then.tree, otherwise.tree)
        low, high = min(then.low, otherwise.low), max(then.high, otherwise.high)
        return Typed(tree, then.type, low, high, labels, unit=then.unit or otherwise.unit)

    def _call(self, node: ast.Call) -> Typed:
        return Calls(self).take(node)


def _between(known: Typed) -> str:
    if known.low == known.high:
        return f"{known.low:g}"
    if math.isinf(known.low):
        return f"at most {known.high:g}"
    return f"at least {known.low:g}" if math.isinf(known.high) else f"between {known.low:g} and {known.high:g}"


def _choice(names: list[str]) -> str:
    return f"name one of its fields: {', '.join(names)}" if names else "it has no fields"


def _hint_of_types(left: Typed, right: Typed) -> str:
    types = {left.type, right.type}
    if types == {TEXT, NUMBER}:
        return "a text is written in quotes, a number without"
    if DURATION in types:
        return "a duration is written with its unit, such as 60ms"
    return "a length is written with its unit, such as 120mm" if LENGTH in types else ""


def _name_of(node: ast.AST) -> str:
    names = {
        ast.Lambda: "lambda",
        ast.ListComp: "a comprehension",
        ast.GeneratorExp: "a comprehension",
        ast.Subscript: "an index [...]",
        ast.Tuple: "a list of values",
        ast.List: "a list of values",
        ast.Starred: "a star",
        ast.Await: "await",
        ast.Yield: "yield",
        ast.Constant: "this literal",
    }
    return names.get(type(node), "this")


_READERS: dict[type[ast.expr], Callable[..., Typed]] = {
    ast.Constant: Grammar._constant,
    ast.Name: Grammar._name,
    ast.Attribute: Grammar._attribute,
    ast.BoolOp: Grammar._logic,
    ast.UnaryOp: Grammar._unary,
    ast.BinOp: Grammar._arithmetic,
    ast.Compare: Grammar._compare,
    ast.IfExp: Grammar._choice,
    ast.Call: Grammar._call,
}
