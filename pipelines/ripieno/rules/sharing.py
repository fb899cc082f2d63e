"""Equal subtrees as one object, so that what many rules have in common is found by identity and computed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from ripieno.plan import (
    AggregateRef,
    And,
    Arithmetic,
    Call,
    Choice,
    Compare,
    Const,
    Expression,
    Not,
    OneOf,
    Operand,
    Or,
    Otherwise,
)


class Sharing:
    """Keeps one object for each subtree that it was shown."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Expression] = {}

    def of(self, tree: Expression) -> Expression:
        """Return the tree, made of subtrees that are one object wherever they are equal.

        Equal means of the same type too: to Python, True is 1.0 and 0.0 is -0.0.
        """
        match tree:
            case Const(value):
                return self._keep((Const, *_exactly(value)), tree)
            case Operand() | AggregateRef():
                return self._keep((tree,), tree)
            case Not(term):
                made: Expression = Not(self.of(term))
            case OneOf(term, values):
                made = OneOf(self.of(term), values)
            case And(terms):
                made = And(tuple(map(self.of, terms)))
            case Or(terms):
                made = Or(tuple(map(self.of, terms)))
            case Call(function, terms):
                made = Call(function, tuple(map(self.of, terms)))
            case Compare(sign, left, right):
                made = Compare(sign, self.of(left), self.of(right))
            case Arithmetic(sign, left, right):
                made = Arithmetic(sign, self.of(left), self.of(right))
            case Otherwise(left, right):
                made = Otherwise(self.of(left), self.of(right))
            case Choice(condition, then, otherwise):
                made = Choice(self.of(condition), self.of(then), self.of(otherwise))
        return self._keep((type(made), *_own(made), *map(id, parts_of(made))), made)

    def _keep(self, key: tuple[Any, ...], tree: Expression) -> Expression:
        return self._kept.setdefault(key, tree)


def shared(trees: Iterable[Expression]) -> list[Expression]:
    """Return the subtrees that are used more than once, each behind those in it. `trees` come from one `Sharing`."""
    uses: Counter[int] = Counter()
    found: list[Expression] = []

    def visit(tree: Expression) -> None:
        uses[id(tree)] += 1
        if uses[id(tree)] == 1:
            for part in parts_of(tree):
                visit(part)
            found.append(tree)

    for tree in trees:
        visit(tree)
    return [tree for tree in found if uses[id(tree)] > 1 and not isinstance(tree, Const)]


def parts_of(tree: Expression) -> tuple[Expression, ...]:
    """Return the subtrees right below the top."""
    match tree:
        case Not(term) | OneOf(term, _):
            return (term,)
        case And(terms) | Or(terms) | Call(_, terms):
            return terms
        case Compare(_, left, right) | Arithmetic(_, left, right) | Otherwise(left, right):
            return left, right
        case Choice(condition, then, otherwise):
            return condition, then, otherwise
    return ()


def nodes_of(tree: Expression) -> Iterator[Expression]:
    """Yield the tree and all subtrees, the top first."""
    yield tree
    for part in parts_of(tree):
        yield from nodes_of(part)


def _own(tree: Expression) -> Iterator[Any]:
    match tree:
        case OneOf(_, values):
            for value in values:
                yield from _exactly(value)
        case Compare(word, _, _) | Arithmetic(word, _, _) | Call(word, _):
            yield word


def _exactly(value: Any) -> tuple[str, str]:
    return type(value).__name__, repr(value)
