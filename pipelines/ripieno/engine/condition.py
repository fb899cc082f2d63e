"""An expression with the names of what it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ripieno.plan import AggregateRef, Expression, Operand
from ripieno.rules import generate, operands_of


class Condition:
    """One generated function, with the names of what it reads."""

    __slots__ = ("_function", "reads")

    def __init__(self, tree: Expression) -> None:
        self.reads: tuple[Operand | AggregateRef, ...] = operands_of(tree)
        self._function: Callable[[Sequence[object]], object] = generate(tree, self.reads)

    def value(self, look_up: Callable[[Operand | AggregateRef], object]) -> tuple[object, list[object]]:
        """Return the condition's value and the operands it was made from."""
        values = [look_up(read) for read in self.reads]
        return self._function(values), values
