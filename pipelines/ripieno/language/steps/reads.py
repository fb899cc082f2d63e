"""What a tree or a plan reads: operands and aggregates, wherever they stand in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from ripieno.plan import Aggregate, AggregateRef, Const, Operand


def operands_in(tree: Any) -> Iterator[Operand]:
    """Yield every operand in a tree, in tuples of trees, or in a plan."""
    return (one for one in nodes_in(tree) if isinstance(one, Operand))


def aggregates_in(tree: Any, aggregates: tuple[Aggregate, ...]) -> Iterator[Aggregate]:
    """Yield every aggregate that a tree reads."""
    return (aggregates[one.index] for one in nodes_in(tree) if isinstance(one, AggregateRef))


def nodes_in(tree: Any) -> Iterator[Any]:
    """Yield every tree in a tree, in tuples of trees, or in a plan."""
    stack = [tree]
    while stack:
        one = stack.pop()
        kind = type(one)
        if kind is tuple or kind is list:
            stack.extend(one)
        elif names := _names_of(kind):
            yield one
            stack.extend([getattr(one, name) for name in names])


def _names_of(kind: type) -> tuple[str, ...]:
    """Return the fields of a plan's class; none of anything else, nor of a constant."""
    if kind not in _NAMES:
        is_tree = is_dataclass(kind) and kind is not Const
        _NAMES[kind] = tuple(one.name for one in fields(kind)) if is_tree else ()
    return _NAMES[kind]


_NAMES: dict[type, tuple[str, ...]] = {}
