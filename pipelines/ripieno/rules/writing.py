"""Expression trees as Python statements: names of its own and operators from a fixed table, no text of a user's.

Constants come in as arguments. `and` and `or` stop at the first term that settles them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
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

TOP = 2  # how deep the first statement of a function stands
_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
_ARITHMETIC = frozenset(("+", "-", "*", "/"))
_FUNCTIONS = {"abs": "abs({})", "round": "float(round({}))", "min": "min({})", "max": "max({})"}
_SHAPES = 512  # conditions of one shape differ in constants only and share their code


@lru_cache(maxsize=_SHAPES)
def compiled(source: str) -> Any:
    """Return the maker whose source this is. Only `Writer` writes such."""
    space: dict[str, Any] = {
        "__builtins__": {"abs": abs, "round": round, "min": min, "max": max, "float": float},
        "U": UNKNOWN,
        "M": LARGEST,
    }
    exec(compile(source, "<conditions>", "exec"), space)
    return space["make"]


class Writer:
    """Writes the statements of one function; each subtree's value ends in a fresh name or is a constant's.

    `slots`: where an operand lies in the list that the function is given; `as_constants`: the numbers of the slots come
    in as constants too, so that functions of one shape have one source.

    Attributes:
        lines: the statements so far, at the indentation of a function inside a maker.
        constants: the values of k0, k1, ...
        known: subtrees whose value has a name already, good everywhere below.
    """

    def __init__(self, slots: Mapping[Read, int], as_constants: bool = False) -> None:
        self._slots, self._as_constants = slots, as_constants
        self._names = 0
        self.lines: list[str] = []
        self.constants: list[Any] = []
        self.known: dict[int, str] = {}

    def maker(self, results: str) -> str:
        """Return the source of `make(k0, k1, ...)`, which returns the function of `v` that returns `results`."""
        names = ", ".join(f"k{index}" for index in range(len(self.constants)))
        return "\n".join([f"def make({names}):", "  def f(v):", *self.lines, f"   return {results}", "  return f", ""])

    def write(self, tree: Expression, depth: int) -> str:
        """Write what computes the tree and return the name of its value."""
        if (name := self.known.get(id(tree))) is not None:
            return name
        match tree:
            case Const(value):
                return self._constant(value)
            case Operand() | AggregateRef():
                slot = self._slots[tree]
                return self._assign(depth, f"v[{self._constant(slot) if self._as_constants else f'{slot:d}'}]")
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
