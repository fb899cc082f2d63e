"""Calls in expressions: a fixed table of functions, and aggregates with their windows."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ripieno.plan import Aggregate, AggregateRef, Call, Const

from ..nearest import did_you_mean
from . import units
from .scope import counts
from .typed import BOOL, DURATION, MEASURES, NUMBER, POISON, TEXT, Source, Typed
from .windows import MAX_SAMPLES, least_of, window_of

if TYPE_CHECKING:
    from .grammar import Grammar

FUNCTIONS = {
    "abs": "without its sign",
    "round": "to the nearest whole number, halves to the even one",
    "min": "the least of two values or more",
    "max": "the greatest of two values or more",
}


@dataclass(frozen=True, slots=True)
class Function:
    """An aggregate: what it samples, and what people read of it."""

    takes: tuple[str, ...]
    about: str
    wanted: str = "a number"
    in_time_only: bool = False
    keys: tuple[str, ...] = ("last", "min")


AGGREGATES: dict[str, Function] = {
    "share": Function((BOOL,), "the part of the known samples for which the condition is true, 0 to 1", "a condition"),
    "count": Function((BOOL,), "how many samples the condition was true for", "a condition"),
    "rate": Function((BOOL,), "how often a second the condition was true", "a condition", in_time_only=True),
    "mean": Function(MEASURES, "the mean"),
    "min": Function(MEASURES, "the least"),
    "max": Function(MEASURES, "the greatest"),
    "deviation": Function(MEASURES, "the standard deviation of the population"),
    "quantile": Function(MEASURES, "the value that so large a part is not above: quantile(X, 0.95, last=60s)"),
    "trend": Function((NUMBER, "length"), "how fast it changes, least squares, in its unit a second"),
    "changed": Function((BOOL, TEXT, *MEASURES), "whether two known samples in the window differ", "a value"),
    "since": Function((BOOL,), "how long ago the condition was last true: a duration", "a condition", keys=()),
}


class Calls:
    """Reads the calls of one expression."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar

    def take(self, node: ast.Call) -> Typed:
        """Return the typed tree of a call."""
        if not isinstance(node.func, ast.Name):
            return self._grammar.wrong(node, "acts belong into 'do', not into an expression")
        name = node.func.id
        if name not in FUNCTIONS and name not in AGGREGATES:
            known = {*FUNCTIONS, *AGGREGATES}
            return self._grammar.wrong(node, f"there is no function '{name}'", did_you_mean(name, known))
        if any(isinstance(one, ast.Starred) for one in node.args) or any(one.arg is None for one in node.keywords):
            return self._grammar.wrong(node, "a star is not part of the language")
        if name in AGGREGATES and (node.keywords or name not in FUNCTIONS):
            return self._aggregate(node, name)
        return self._function(node, name)

    def _function(self, node: ast.Call, name: str) -> Typed:
        arguments = [self._grammar.take(one) for one in node.args]
        few, many = (1, 1) if name in ("abs", "round") else (2, 10)
        if node.keywords or not few <= len(arguments) <= many:
            wanted = "one value" if many == 1 else "two values or more, or one value and last=..."
            return self._grammar.wrong(node, f"{name} wants {wanted}")
        if any(one.is_poison for one in arguments):
            return POISON
        types = {one.type for one in arguments}
        fit = units.all_aligned(arguments) if types <= set(MEASURES) else None
        if fit is None:
            what = f"{name} wants numbers" if not types <= set(MEASURES) else f"{name} wants numbers of one unit"
            got = sorted(types) if len(types) > 1 or not types <= set(MEASURES) else list(map(units.shown, arguments))
            return self._grammar.wrong(node, f"{what} (got {' and '.join(got)})")
        lows, highs = [one.low for one in fit], [one.high for one in fit]
        if name == "abs":
            low = 0.0 if lows[0] <= 0 <= highs[0] else min(abs(lows[0]), abs(highs[0]))
            high = max(abs(lows[0]), abs(highs[0]))
        elif name == "round":
            low, high = lows[0] - 0.5, highs[0] + 0.5
        else:
            pick = min if name == "min" else max
            low, high = pick(lows), pick(highs)
        return Typed(Call(name, tuple(one.tree for one in fit)), fit[0].type, low, high, unit=units.unit_of(*fit))

    def _aggregate(self, node: ast.Call, name: str) -> Typed:
        wrong = self._grammar.wrong
        if self._grammar.inside:
            return wrong(node, f"{name} inside {self._grammar.inside} is not possible")
        function = AGGREGATES[name]
        keywords = {one.arg: one for one in node.keywords if one.arg is not None}
        for key, one in keywords.items():
            if key not in function.keys:
                hint = did_you_mean(key, function.keys) if function.keys else "since has no window"
                return wrong(one, f"unknown key '{key}' of {name}", hint)
        example = _example(name)
        if len(node.args) != 1 + (name == "quantile"):
            two = "one value to sample and which quantile" if name == "quantile" else "one value to sample"
            return wrong(node, f"{name} wants {two}", example)
        of = self._sampled(node.args[0], name, function)
        if "last" in function.keys and "last" not in keywords:
            return wrong(node, f"{name} wants its window, last=...", example)
        argument = self._quantile(node.args[1]) if name == "quantile" else 0.0
        if of is None or argument is None:
            return POISON
        typed, on, source = of
        window: tuple[int, int] | None = (0, 0)
        if "last" in function.keys:
            window = window_of(self._grammar, keywords["last"].value, name, source, function.in_time_only)
        least = least_of(self._grammar, keywords.get("min"), name)
        if window is None or least is None:
            return POISON
        if window[1] and least > window[1]:
            words = f"last={window[1]} {counts(source.each, source.counted)[0]}"
            return wrong(keywords["min"], f"min={least} is more than {words}")
        wanted = Aggregate(name, on, typed.tree, *window, least, argument)
        return _result(name, typed, AggregateRef(self._grammar.scope.aggregate(wanted)), window[1])

    def _sampled(self, node: ast.expr, name: str, function: Function) -> tuple[Typed, str, Source] | None:
        """Return what is sampled, and the step or input whose values it is sampled at."""
        self._grammar.inside, self._grammar.sampled = name, {}
        typed = self._grammar.take(node)
        sources, self._grammar.inside, self._grammar.sampled = self._grammar.sampled, "", {}
        if typed.is_poison:
            return None
        if typed.type not in function.takes:
            hint = "divide it by 1s" if typed.type == DURATION else ""
            self._grammar.wrong(node, f"{name} wants {function.wanted} (got a {typed.type})", hint)
            return None
        if len(sources) != 1 or not all(one.sampled for one in sources.values()):
            others = ", ".join(sources) or "none"
            self._grammar.wrong(node, f"{name} samples the values of exactly one step or input (got {others})")
            return None
        return (typed, *next(iter(sources.items())))

    def _quantile(self, node: ast.expr) -> float | None:
        typed = self._grammar.take(node)
        if typed.is_poison:
            return None
        if not isinstance(typed.tree, Const) or typed.type != NUMBER or typed.unit or not 0 <= typed.low <= 1:
            self._grammar.wrong(node, "a quantile is a constant from 0 to 1", "such as 0.95, or 95%")
            return None
        return typed.low


def _example(name: str) -> str:
    if name == "since":
        return "such as since(look.label == ...)"
    if name == "quantile":
        return "such as quantile(..., 0.95, last=60s)"
    window = "last=60s" if AGGREGATES[name].in_time_only else "last=20 parts, min=10"
    return f"such as {name}(..., {window})"


def _result(name: str, typed: Typed, ref: AggregateRef, last_samples: int) -> Typed:
    shown = f"a {name}"
    match name:
        case "share":
            return Typed(ref, NUMBER, 0, 1, name=shown)
        case "count" | "rate":
            return Typed(
                ref, NUMBER, 0, float(last_samples) if last_samples and name == "count" else math.inf, name=shown
            )
        case "changed":
            return Typed(ref, BOOL, 0, 1, name=shown)
        case "since":
            return Typed(ref, DURATION, 0, math.inf, name="the time since")
        case "deviation":
            return Typed(ref, typed.type, 0, (typed.high - typed.low) / 2, name=shown, unit=typed.unit)
        case "trend":
            unit = "mm" if typed.type == "length" else typed.unit
            return Typed(ref, NUMBER, name=shown, unit=units.per_second(unit))
    return Typed(ref, typed.type, typed.low, typed.high, name=shown, unit=typed.unit)


__all__ = ["AGGREGATES", "FUNCTIONS", "MAX_SAMPLES", "Calls", "Function"]
