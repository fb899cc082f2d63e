"""What a condition saw: its operands by name, with their values. Captured on a transition or an act only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ripieno.plan import Aggregate, Expression, Operand
from ripieno.values import UNKNOWN

from .generate import operands_of
from .kleene import Read


def explain(
    tree: Expression, values: Sequence[Any], aggregates: Sequence[Aggregate] = ()
) -> tuple[tuple[str, Any], ...]:
    """Return (name, value) of each operand, in the order of `operands_of(tree)`; unknown is None."""
    return tuple(
        (name_of(read, aggregates), None if value is UNKNOWN else value)
        for read, value in zip(operands_of(tree), values, strict=True)
    )


def name_of(read: Read, aggregates: Sequence[Aggregate] = ()) -> str:
    """Return how a person would call an operand: `look.score`, `share#0`."""
    if isinstance(read, Operand):
        return f"{read.name}.{read.field}"
    function = aggregates[read.index].function if read.index < len(aggregates) else "aggregate"
    return f"{function}#{read.index}"
