"""Calls in expressions: a fixed table of functions, and aggregates with their windows."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ripieno.plan import Aggregate, AggregateRef, Call, Const

from . import quantities
from .nearest import did_you_mean
from .scope import counts
from .typed import BOOL, MEASURES, NUMBER, POISON, Typed

if TYPE_CHECKING:
    from .grammar import Grammar

FUNCTIONS = ("abs", "round", "min", "max")
AGGREGATES = ("share", "count", "mean", "min", "max", "rate")
OF_CONDITIONS = ("share", "count", "rate")
MAX_SAMPLES = 4_096
MAX_WINDOW_NS = 7 * 86_400 * 1_000_000_000


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
        if len(types) > 1 or not types <= set(MEASURES):
            return self._grammar.wrong(node, f"{name} wants numbers (got {' and '.join(sorted(types))})")
        lows, highs = [one.low for one in arguments], [one.high for one in arguments]
        if name == "abs":
            low = 0.0 if lows[0] <= 0 <= highs[0] else min(abs(lows[0]), abs(highs[0]))
            high = max(abs(lows[0]), abs(highs[0]))
        elif name == "round":
            low, high = lows[0] - 0.5, highs[0] + 0.5
        else:
            pick = min if name == "min" else max
            low, high = pick(lows), pick(highs)
        tree = Call(name, tuple(one.tree for one in arguments))
        return Typed(tree, arguments[0].type, low, high)

    def _aggregate(self, node: ast.Call, name: str) -> Typed:
        if self._grammar.inside:
            return self._grammar.wrong(node, f"{name} inside {self._grammar.inside} is not possible")
        keywords = {one.arg: one for one in node.keywords if one.arg is not None}
        for key, one in keywords.items():
            if key not in ("last", "min"):
                return self._grammar.wrong(one, f"unknown key '{key}' of {name}", did_you_mean(key, ("last", "min")))
        example = f"such as {name}(..., last=20 parts, min=10)"
        if len(node.args) != 1:
            return self._grammar.wrong(node, f"{name} wants one value to sample", example)
        of = self._sampled(node.args[0], name)
        if "last" not in keywords:
            return self._grammar.wrong(node, f"{name} wants its window, last=...", example)
        if of is None:
            return POISON
        typed, source = of
        window = self._window(keywords["last"], name, source)
        least = self._least(keywords.get("min"))
        if window is None or least is None:
            return POISON
        last_ns, last_samples = window
        if last_samples and least > last_samples:
            return self._grammar.wrong(
                keywords["min"], f"min={least} is more than last={last_samples} {self._plural(source)}"
            )
        index = self._grammar.scope.aggregate(Aggregate(name, source, typed.tree, last_ns, last_samples, least))
        return self._result(name, typed, index, last_samples)

    def _result(self, name: str, typed: Typed, index: int, last_samples: int) -> Typed:
        ref = AggregateRef(index)
        if name == "share":
            return Typed(ref, NUMBER, 0, 1, name="a share")
        if name in ("count", "rate"):
            high = float(last_samples) if last_samples and name == "count" else float("inf")
            return Typed(ref, NUMBER, 0, high, name=f"a {name}")
        return Typed(ref, typed.type, typed.low, typed.high, name=f"a {name}")

    def _sampled(self, node: ast.expr, name: str) -> tuple[Typed, str] | None:
        """Return what is sampled and the step whose results it is sampled at."""
        self._grammar.inside, self._grammar.sampled = name, {}
        typed = self._grammar.take(node)
        sources, self._grammar.inside, self._grammar.sampled = self._grammar.sampled, "", {}
        if typed.is_poison:
            return None
        wanted = (BOOL,) if name in OF_CONDITIONS else MEASURES
        if typed.type not in wanted:
            what = "a condition" if name in OF_CONDITIONS else "a number"
            self._grammar.wrong(node, f"{name} wants {what} (got a {typed.type})")
            return None
        steps = [one for one, kind in sources.items() if kind == "step"]
        if len(steps) != 1 or len(sources) != 1:
            others = ", ".join(sources) or "none"
            self._grammar.wrong(node, f"{name} samples the results of exactly one step (got {others})")
            return None
        return typed, steps[0]

    def _window(self, keyword: ast.keyword, name: str, source: str) -> tuple[int, int] | None:
        node = keyword.value
        unit = self._grammar.tokens.units.get(self._grammar.column(node), "") if isinstance(node, ast.Constant) else ""
        words = counts(self._grammar.scope.sources[source].each)
        wanted = f"last wants a count such as 20 {words[0]} or a duration such as 60s"
        if (
            not isinstance(node, ast.Constant)
            or isinstance(node.value, bool)
            or not isinstance(node.value, (int, float))
        ):
            self._grammar.wrong(node, wanted)
            return None
        if not unit:
            self._grammar.wrong(node, f"{wanted} (got {node.value}, without a unit)")
            return None
        found = quantities.amount(float(node.value), unit)
        if found.kind == "duration":
            if 0 < found.value <= MAX_WINDOW_NS:
                return int(found.value), 0
            self._grammar.wrong(node, "a window should be longer than 0 and at most 7d")
            return None
        if found.kind != "count" or unit not in words:
            self._grammar.wrong(
                node,
                f"{wanted} (got {node.value:g} {unit})",
                did_you_mean(unit, [one for one in words if one.endswith("s")]),
            )
            return None
        if name == "rate":
            self._grammar.wrong(node, "rate is per second: last wants a duration such as 60s")
            return None
        if found.value != int(found.value) or not 1 <= found.value <= MAX_SAMPLES:
            self._grammar.wrong(node, f"a window should have 1 to {MAX_SAMPLES} {words[0]} (got {node.value:g})")
            return None
        return 0, int(found.value)

    def _least(self, keyword: ast.keyword | None) -> int | None:
        if keyword is None:
            return 1
        typed = self._grammar.take(keyword.value)
        if typed.is_poison:
            return None
        value = typed.tree.value if isinstance(typed.tree, Const) and typed.type == NUMBER and not typed.unit else 0
        if isinstance(value, float) and 1 <= value <= MAX_SAMPLES and value == int(value):
            return int(value)
        self._grammar.wrong(keyword.value, f"min wants a whole number from 1 to {MAX_SAMPLES}")
        return None

    def _plural(self, source: str) -> str:
        return counts(self._grammar.scope.sources[source].each)[0]


__all__ = ["AGGREGATES", "FUNCTIONS", "MAX_SAMPLES", "Calls"]
