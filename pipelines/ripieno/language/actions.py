"""What a rule does: `gate.open(part)`, `flow.change(-5)`, `flow.set(expr)`, `stock.scrap(part, reason=expr)`.

The verbs come from the output's kind: a pulse takes any word and the item, a setpoint `change` and `set` with
a number, a booking, a message or a report any word, the item and named values.
"""

from __future__ import annotations

import ast

from ripieno.plan import BookingEffect, Const, Effect, Expression, Operand, PulseEffect, SetpointEffect

from .expressions.grammar import Grammar
from .expressions.scope import Scope, Spot
from .expressions.syntax import parse
from .expressions.tokens import NotInLanguage
from .expressions.typed import DURATION, LENGTH, MEASURES, NUMBER, Typed
from .expressions.units import aligned
from .nearest import did_you_mean
from .sections.items import StandingItem
from .sections.outputs import EFFECTS, PulseOutput, SetpointOutput
from .world import World

SETPOINT_VERBS = ("change", "set")


class Actions:
    """Reads the `do` lines of one rule."""

    def __init__(self, scope: Scope, world: World) -> None:
        self._scope, self._world = scope, world

    def read(self, spot: Spot) -> Effect | None:
        """Return the effect of one line, None after reporting why there is none."""
        grammar = Grammar(self._scope, spot)
        try:
            node, grammar.tokens = parse(spot.node.text)
        except NotInLanguage as error:
            line, column = spot.node.at(error.column)
            self._scope.report.add(line, column, spot.path, error.message, error.hint)
            return None
        if not (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
        ):
            example = f"gate.open({spot.each})" if spot.each else "flow.change(-5)"
            grammar.wrong(node, "should be an act of an output", f"such as {example}")
            return None
        name, verb = node.func.value.id, node.func.attr
        place = spot.node.at(grammar.column(node))
        if self._scope.names.use(name, ("output",), place, spot.path, self._scope.report) is None:
            return None
        output = self._world.outputs.get(name)
        if isinstance(output, PulseOutput):
            return self._pulse(grammar, node, name, verb)
        if isinstance(output, SetpointOutput):
            return self._setpoint(grammar, node, name, verb, output)
        if isinstance(output, EFFECTS):
            return self._booking(grammar, node, name, verb)
        return None

    def _pulse(self, grammar: Grammar, node: ast.Call, name: str, verb: str) -> Effect | None:
        if not self._has_item(grammar, node, f"{name}.{verb}"):
            return None
        each = grammar.spot.each
        if isinstance(self._world.items.get(each), StandingItem):
            hint = "a booking, a message or a report can be had; a pulse is for parts on a belt"
            grammar.wrong(node, f"a {each} stands: it never comes by the place of a pulse", hint)
            return None
        if node.keywords or len(node.args) > 1:
            grammar.wrong(node, f"a pulse takes the item only: {name}.{verb}({grammar.spot.each})")
            return None
        return PulseEffect(name, verb)

    def _setpoint(
        self, grammar: Grammar, node: ast.Call, name: str, verb: str, output: SetpointOutput
    ) -> Effect | None:
        if grammar.spot.each:
            what = f"a setpoint is moved by rules over time, and this rule runs for each {grammar.spot.each}"
            grammar.wrong(node, what, "remove 'each'; name its values inside share(...) or mean(...)")
            return None
        if verb not in SETPOINT_VERBS:
            grammar.wrong(node, f"a setpoint cannot '{verb}'", did_you_mean(verb, SETPOINT_VERBS))
            return None
        if node.keywords or len(node.args) != 1:
            grammar.wrong(node, f"{name}.{verb} wants one number")
            return None
        value = grammar.take(node.args[0])
        if value.is_poison:
            return None
        low, high = output.range
        unit = output.unit
        if value.type == NUMBER and value.written == "%":
            plain = f"{value.low * 100:g}" if isinstance(value.tree, Const) else "5"
            what = f"numbers of '{name}' are in {unit}" if unit else f"numbers of '{name}' have no unit"
            grammar.wrong(node.args[0], f"{what}, and 5% is 0.05", f"write {plain}")
            return None
        state = Typed(Operand("output", name, "value", NUMBER), NUMBER, unit=unit)
        fit = aligned(state, value) if value.type in MEASURES else None
        if fit is None or fit[1].type != NUMBER:
            if value.unit and unit:
                grammar.wrong(node.args[0], f"numbers of '{name}' are in {unit}, and this is in {value.unit}")
            else:
                grammar.wrong(node.args[0], f"{name}.{verb} wants a number (got a {value.type})")
            return None
        value = fit[1]
        if verb == "change" and (value.low > output.step or value.high < -output.step):
            grammar.wrong(
                node.args[0],
                f"changes '{name}' by {_shown(value)}, more than its step {output.step:g}",
                "change less, or raise step",
            )
        elif verb == "change" and value.low == value.high == 0:
            grammar.wrong(node.args[0], f"changes '{name}' by nothing")
        elif verb == "set" and (value.low > high or value.high < low):
            grammar.wrong(node.args[0], f"sets '{name}' to {_shown(value)}, outside its range {low:g} to {high:g}")
        else:
            return SetpointEffect(name, verb, value.tree)
        return None

    def _booking(self, grammar: Grammar, node: ast.Call, name: str, verb: str) -> Effect | None:
        good = True
        if grammar.spot.each:
            good = self._has_item(grammar, node, f"{name}.{verb}")
        elif node.args:
            grammar.wrong(node.args[0], f"{name}.{verb} takes named values only: this rule runs over time")
            good = False
        if len(node.args) > 1:
            grammar.wrong(node.args[1], f"{name}.{verb} takes the item, then named values such as reason=look.label")
            good = False
        fields: list[tuple[str, Expression]] = []
        for keyword in node.keywords:
            value = grammar.take(keyword.value)
            if keyword.arg is None:
                grammar.wrong(keyword.value, "a star is not part of the language")
            elif value.type in (DURATION, LENGTH):
                one = "1s" if value.type == DURATION else "1mm"
                grammar.wrong(keyword.value, f"a {value.type} has no unit there", f"divide it by {one}")
                good = False
            if keyword.arg is None or value.is_poison:
                good = False
            else:
                fields.append((grammar.tokens.words.get(grammar.column(keyword), keyword.arg), value.tree))
        return BookingEffect(name, verb, tuple(fields)) if good else None

    def _has_item(self, grammar: Grammar, node: ast.Call, act: str) -> bool:
        each = grammar.spot.each
        if not each:
            grammar.wrong(node, f"{act} needs an item, and this rule runs over time", "give the rule 'each'")
            return False
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Name) and first.id == each:
            return True
        got = f" (got '{first.id}')" if isinstance(first, ast.Name) else ""
        grammar.wrong(first or node, f"{act} wants the item of this rule{got}", f"write {act}({each})")
        return False


def _shown(value: Typed) -> str:
    return f"{value.low:+g}" if value.low == value.high else f"{value.low:g} to {value.high:g}"
