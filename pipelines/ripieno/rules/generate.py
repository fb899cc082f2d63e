"""An expression tree -> one generated Python function, 0.1-0.25 us for two operands.

look.label == "normal" and look.score >= 0.5      becomes

def f(v):
    a0 = v[0]
    a1 = U if a0 is U else a0 == k0
    a2 = a1
    if a2 is not False:
        a3 = v[1]
        a4 = U if a3 is U else a3 >= k1
        if a4 is not True: a2 = a4
    return a2
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ripieno.plan import AggregateRef, Expression, Operand

from .kleene import Read
from .sharing import nodes_of
from .writing import TOP, Writer, compiled

Condition = Callable[[Sequence[Any]], Any]


def operands_of(tree: Expression) -> tuple[Read, ...]:
    """Return what the tree reads, each once, in the order of first use."""
    return tuple(dict.fromkeys(one for one in nodes_of(tree) if isinstance(one, (Operand, AggregateRef))))


def generate(tree: Expression, reads: Sequence[Read] | None = None) -> Condition:
    """Return `f(values)`, where `values` has one value or UNKNOWN for each of `reads` (default: `operands_of(tree)`).

    Numbers must be float; the function does not raise then.
    """
    source, constants = source_of(tree, operands_of(tree) if reads is None else reads)
    made: Condition = compiled(source)(*constants)
    return made


def source_of(tree: Expression, reads: Sequence[Read]) -> tuple[str, tuple[Any, ...]]:
    """Return the source of the function's maker and its constants."""
    writer = Writer({read: slot for slot, read in enumerate(reads)})
    result = writer.write(tree, TOP)
    return writer.maker(result), tuple(writer.constants)
