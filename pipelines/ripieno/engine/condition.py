"""An expression with the names of what it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from ripieno.plan import AggregateRef, Expression, Operand
from ripieno.rules import generate, operands_of

Observer = Callable[[Expression, Sequence[object], object], None]
_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


class Condition:
    """One generated function, with the names of what it reads."""

    __slots__ = ("_function", "reads")

    def __init__(self, tree: Expression) -> None:
        self.reads: tuple[Operand | AggregateRef, ...] = operands_of(tree)
        self._function: Callable[[Sequence[object]], object] = generate(tree, self.reads)
        observer = _observer.get()
        if observer is not None:
            self._function = _told(self._function, tree, observer)

    def value(self, look_up: Callable[[Operand | AggregateRef], object]) -> tuple[object, list[object]]:
        """Return the condition's value and the operands it was made from."""
        values = [look_up(read) for read in self.reads]
        return self._function(values), values


def is_observed() -> bool:
    """Whether conditions that are made now tell of each evaluation."""
    return _observer.get() is not None


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Tell the observer of every evaluation (tree, values of its reads, value) of the conditions made in this block."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def _told(
    function: Callable[[Sequence[object]], object], tree: Expression, observer: Observer
) -> Callable[[Sequence[object]], object]:
    def told(values: Sequence[object]) -> object:
        value = function(values)
        observer(tree, values, value)
        return value

    return told
