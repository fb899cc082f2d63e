"""What an expression is made of: literals with their units, and fields by name."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ripieno.plan import Operand

from .. import quantities
from ..nearest import did_you_mean
from . import units
from .scope import KINDS
from .syntax import letters
from .typed import BOOL, DURATION, LENGTH, NUMBER, POISON, TEXT, Source, Typed, constant, plan_type

if TYPE_CHECKING:
    from .grammar import Grammar

_CONSTANTS = {"true": True, "false": False, "True": True, "False": False}


class Operands:
    """Reads the operands of one expression."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._scope, self._spot = grammar.scope, grammar.spot

    def take(self, node: ast.Constant | ast.Name | ast.Attribute) -> Typed:
        """Return the typed tree of an operand."""
        match node:
            case ast.Constant():
                return self._constant(node)
            case ast.Name():
                return self._name(node)
        return self._attribute(node)

    def _constant(self, node: ast.Constant) -> Typed:
        column, value = self._grammar.column(node), node.value
        unit = self._grammar.tokens.units.get(column, "")
        if isinstance(value, bool):
            return constant(value, BOOL)
        if isinstance(value, str):
            return constant(value, TEXT)
        if not isinstance(value, (int, float)):
            hint = "a number has a point: 0.5" if isinstance(node, ast.Tuple) else ""
            return self._grammar.wrong(node, f"{name_of(node)} is not part of the language", hint)
        if not unit:
            return constant(float(value), NUMBER)
        found = quantities.amount(float(value), unit)
        if found.kind == "percentage":
            return constant(found.value, NUMBER, "%")
        if found.kind == "duration":
            return constant(found.value, DURATION, unit)
        if found.kind == "length":
            return constant(found.value, LENGTH, unit)
        if units.is_known(unit) or unit in self._scope.units():
            return constant(float(value), NUMBER, unit, unit)
        known = {*quantities.UNITS["duration"], *quantities.UNITS["length"], *self._scope.units()}
        return self._grammar.wrong(node, f"'{value} {unit}' is not a value here", did_you_mean(unit, known))

    def _name(self, node: ast.Name) -> Typed:
        if node.id in _CONSTANTS:
            return constant(_CONSTANTS[node.id], BOOL)
        source = self._scope.sources.get(node.id)
        if source is not None:
            self._scope.names.use(node.id, KINDS, self._place(node), self._spot.path, self._scope.report)
            fields = [f"{node.id}.{name}" for name in source.fields]
            return self._grammar.wrong(node, f"{source.kind} '{node.id}' is no value by itself", _choice(fields))
        calls = ", ".join(sorted(self._scope.sources))
        return self._grammar.wrong(
            node, f"there is nothing named '{node.id}'", did_you_mean(node.id, self._scope.sources) if calls else ""
        )

    def _place(self, node: ast.AST) -> tuple[int, int]:
        return self._spot.node.at(self._grammar.column(node) + self._spot.offset)

    def _attribute(self, node: ast.Attribute) -> Typed:
        if not isinstance(node.value, ast.Name):
            return self._grammar.wrong(node, "only 'name.field' can be named", "")
        name = node.value.id
        if self._scope.names.use(name, KINDS, self._place(node), self._spot.path, self._scope.report) is None:
            return POISON
        source = self._scope.sources.get(name)
        if source is None:
            return POISON
        attribute = self._field_at(node)
        field = source.fields.get(attribute)
        if field is None:
            return self._no_field(node, name, attribute, source)
        if source.family is not None:
            source.family.mark(attribute)
        if self._grammar.inside:
            self._grammar.sampled[source.name or name] = source
        elif source.each and source.each != self._spot.each:
            return self._grammar.wrong(
                node,
                f"'{name}' has a result for each {source.each}, this {self._spot.subject} runs "
                + (f"for each {self._spot.each}" if self._spot.each else "over time"),
                f"name it inside share(...) or mean(...), or give the {self._spot.subject} 'each: {source.each}'",
            )
        operand = Operand(source.kind, source.name or name, attribute, plan_type(field.type))
        shown = f"{name}.{attribute}"
        return Typed(
            operand, field.type, field.low, field.high, field.labels, shown, field.unit, branches=field.branches
        )

    def _field_at(self, node: ast.Attribute) -> str:
        """Return the field that is named, as the file has it."""
        end = letters(self._grammar.tokens.text, node.end_col_offset or 0)
        return self._grammar.tokens.words.get(end - len(node.attr), node.attr)

    def _no_field(self, node: ast.Attribute, name: str, attribute: str, source: Source) -> Typed:
        if source.unknown_fields:
            return POISON
        if source.family is not None:
            line, _ = self._place(node)
            source.family.miss(attribute, line, self._spot.path, self._scope.report)
        hint = source.hint or f"{source.kind} '{name}' has no fields"
        if source.fields:
            hint = did_you_mean(attribute, source.fields)
        return self._grammar.wrong(node, f"{source.kind} '{name}' has no field '{attribute}'", hint)


def _choice(names: list[str]) -> str:
    return f"name one of its fields: {', '.join(names)}" if names else "it has no fields"


def name_of(node: ast.AST) -> str:
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
