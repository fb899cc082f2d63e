"""An expression tree -> one generated Python function, 0.1-0.25 us for two operands.

The source holds names of its own, slot numbers and operators from a fixed table; constants come in as
arguments. No text of a user's enters it. `and` and `or` stop at the first term that settles them.

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

from collections.abc import Callable, Iterator, Sequence
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
from ripieno.values import UNKNOWN

from .kleene import LARGEST, Read

Condition = Callable[[Sequence[Any]], Any]

_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
_ARITHMETIC = frozenset(("+", "-", "*", "/"))
_FUNCTIONS = {"abs": "abs({})", "round": "float(round({}))", "min": "min({})", "max": "max({})"}


def operands_of(tree: Expression) -> tuple[Read, ...]:
    """Return what the tree reads, each once, in the order of first use."""
    return tuple(dict.fromkeys(_reads(tree)))


def generate(tree: Expression, reads: Sequence[Read] | None = None) -> Condition:
    """Return `f(values)`, where `values` has one value or UNKNOWN for each of `reads` (default: `operands_of(tree)`).

    Numbers must be float; the function does not raise then.
    """
    source, constants = source_of(tree, operands_of(tree) if reads is None else reads)
    space: dict[str, Any] = {"__builtins__": {"abs": abs, "round": round, "min": min, "max": max, "float": float}}
    exec(compile(source, "<condition>", "exec"), space)
    made: Condition = space["make"](UNKNOWN, LARGEST, *constants)
    return made


def source_of(tree: Expression, reads: Sequence[Read]) -> tuple[str, tuple[Any, ...]]:
    """Return the source of the function's maker and its constants."""
    writer = _Writer({read: slot for slot, read in enumerate(reads)})
    result = writer.write(tree, 2)
    names = ", ".join(["U", "M", *(f"k{index}" for index in range(len(writer.constants)))])
    body = "\n".join(writer.lines)
    return f"def make({names}):\n  def f(v):\n{body}\n   return {result}\n  return f\n", tuple(writer.constants)


def _reads(tree: Expression) -> Iterator[Read]:
    match tree:
        case Const():
            return
        case Operand() | AggregateRef():
            yield tree
        case Not(term) | OneOf(term, _):
            yield from _reads(term)
        case And(terms) | Or(terms) | Call(_, terms):
            for term in terms:
                yield from _reads(term)
        case Compare(_, left, right) | Arithmetic(_, left, right) | Otherwise(left, right):
            yield from _reads(left)
            yield from _reads(right)
        case Choice(condition, then, otherwise):
            for term in (condition, then, otherwise):
                yield from _reads(term)


class _Writer:
    """Writes the statements; each subtree's value ends in a fresh name or is a constant's."""

    def __init__(self, slots: dict[Read, int]) -> None:
        self._slots = slots
        self._names = 0
        self.lines: list[str] = []
        self.constants: list[Any] = []

    def write(self, tree: Expression, depth: int) -> str:
        match tree:
            case Const(value):
                return self._constant(value)
            case Operand() | AggregateRef():
                return self._assign(depth, f"v[{self._slots[tree]:d}]")
            case Not(term):
                name = self.write(term, depth)
                return self._assign(depth, f"U if {name} is U else not {name}")
            case OneOf(term, values):
                name = self.write(term, depth)
                return self._assign(depth, f"U if {name} is U else {name} in {self._constant(tuple(values))}")
            case And(terms):
                return self._join(terms, depth, "False", "True")
            case Or(terms):
                return self._join(terms, depth, "True", "False")
            case Otherwise(left, right):
                return self._otherwise(left, right, depth)
            case Choice():
                return self._choice(tree, depth)
            case Compare(operator, left, right) if operator in _COMPARISONS:
                return self._pair(operator, left, right, depth)
            case Arithmetic(operator, left, right) if operator in _ARITHMETIC:
                name = self._pair(operator, left, right, depth)
                self._line(depth, f"if {name} is not U and not -M <= {name} <= M: {name} = U")
                return name
            case Call(function, arguments) if function in _FUNCTIONS:
                names = [self.write(one, depth) for one in arguments]
                return self._guarded(names, _FUNCTIONS[function].format(", ".join(names)), depth)
        raise TypeError(f"{tree!r:.80} is no expression")

    def _join(self, terms: Sequence[Expression], depth: int, settled: str, neutral: str) -> str:
        name = self._assign(depth, neutral) if not terms else self._assign(depth, self.write(terms[0], depth))
        for term in terms[1:]:
            self._line(depth, f"if {name} is not {settled}:")
            value = self.write(term, depth + 1)
            self._line(depth + 1, f"if {value} is not {neutral}: {name} = {value}")
        return name

    def _otherwise(self, left: Expression, right: Expression, depth: int) -> str:
        name = self._assign(depth, self.write(left, depth))
        self._line(depth, f"if {name} is U:")
        value = self.write(right, depth + 1)
        self._line(depth + 1, f"{name} = {value}")
        return name

    def _choice(self, tree: Choice, depth: int) -> str:
        condition = self.write(tree.condition, depth)
        name = self._assign(depth, "U")
        for truth, branch in (("True", tree.then), ("False", tree.otherwise)):
            self._line(depth, f"if {condition} is {truth}:")
            value = self.write(branch, depth + 1)
            self._line(depth + 1, f"{name} = {value}")
        return name

    def _pair(self, operator: str, left: Expression, right: Expression, depth: int) -> str:
        names = [self.write(left, depth), self.write(right, depth)]
        also = f"{names[1]} == 0" if operator == "/" else ""
        return self._guarded(names, f"{names[0]} {operator} {names[1]}", depth, also)

    def _guarded(self, names: Sequence[str], value: str, depth: int, also: str = "") -> str:
        doubts = [f"{name} is U" for name in dict.fromkeys(names) if not name.startswith("k")]
        doubts += [also] if also else []
        return self._assign(depth, f"U if {' or '.join(doubts)} else {value}" if doubts else value)

    def _constant(self, value: Any) -> str:
        self.constants.append(value)
        return f"k{len(self.constants) - 1}"

    def _assign(self, depth: int, value: str) -> str:
        name = f"a{self._names}"
        self._names += 1
        self._line(depth, f"{name} = {value}")
        return name

    def _line(self, depth: int, text: str) -> None:
        self.lines.append(f"{' ' * (depth + 1)}{text}")
