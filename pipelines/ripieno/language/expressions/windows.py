"""The window of an aggregate: `last=20 parts`, `last=60s`, and `min=10`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ripieno.plan import Const

from .. import quantities
from ..nearest import did_you_mean
from .scope import counts
from .typed import NUMBER, Source

if TYPE_CHECKING:
    from .grammar import Grammar

MAX_SAMPLES = 4_096
MAX_WINDOW_NS = 7 * 86_400 * 1_000_000_000


def window_of(
    grammar: Grammar, node: ast.expr, name: str, source: Source, in_time_only: bool
) -> tuple[int, int] | None:
    """Return (last_ns, last_samples), one of them 0; None after reporting what is wrong."""
    unit = grammar.tokens.units.get(grammar.column(node), "") if isinstance(node, ast.Constant) else ""
    words = counts(source.each, source.counted)
    wanted = f"last wants a count such as 20 {words[0]} or a duration such as 60s"
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        grammar.wrong(node, wanted)
        return None
    if not unit:
        grammar.wrong(node, f"{wanted} (got {node.value}, without a unit)")
        return None
    found = quantities.amount(float(node.value), unit)
    if found.kind == "duration":
        if 0 < found.value <= MAX_WINDOW_NS:
            return int(found.value), 0
        grammar.wrong(node, "a window should be longer than 0 and at most 7d")
        return None
    if found.kind != "count" or unit not in words:
        near = did_you_mean(unit, [one for one in words if one.endswith("s")])
        grammar.wrong(node, f"{wanted} (got {node.value:g} {unit})", near)
        return None
    if in_time_only:
        grammar.wrong(node, f"{name} is per second: last wants a duration such as 60s")
        return None
    if found.value != int(found.value) or not 1 <= found.value <= MAX_SAMPLES:
        grammar.wrong(node, f"a window should have 1 to {MAX_SAMPLES} {words[0]} (got {node.value:g})")
        return None
    return 0, int(found.value)


def least_of(grammar: Grammar, keyword: ast.keyword | None, name: str) -> int | None:
    """Return how many known samples a window must have; None after reporting what is wrong."""
    if keyword is None:
        return 1
    typed = grammar.take(keyword.value)
    if typed.is_poison:
        return None
    plain = isinstance(typed.tree, Const) and typed.type == NUMBER and not typed.written
    value = typed.tree.value if plain and isinstance(typed.tree, Const) else 0
    if isinstance(value, float) and 1 <= value <= MAX_SAMPLES and value == int(value):
        return int(value)
    grammar.wrong(keyword.value, f"min wants a whole number from 1 to {MAX_SAMPLES}")
    return None
