"""Conditions and values as typed trees. Each node's value may be unknown (Kleene's strong three-valued logic).

Types of values: "bool", "number", "text". Durations and percentages are plain numbers in the tree (ns; 5% is 0.05),
lengths are millimetres: the compile step has checked the units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

Scalar = Union[bool, float, str]


@dataclass(frozen=True, slots=True)
class Const:
    """A literal."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Operand:
    """A field of a step's result ("step"), of an input ("input") or of an output's state ("output")."""

    source: str
    name: str
    field: str
    type: str


@dataclass(frozen=True, slots=True)
class AggregateRef:
    """The current value of the pipeline's aggregate with this index."""

    index: int


@dataclass(frozen=True, slots=True)
class Not:
    """Kleene negation."""

    term: Expression


@dataclass(frozen=True, slots=True)
class And:
    """False if a term is false, else unknown if one is unknown, else true."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True if a term is true, else unknown if one is unknown, else false."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """`operator` is one of == != < <= > >=."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class OneOf:
    """`term in (values)`."""

    term: Expression
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`operator` is one of + - * /; division by zero is unknown."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Choice:
    """`then if condition else otherwise`; unknown if the condition is."""

    condition: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True, slots=True)
class Otherwise:
    """`left or right` on values that are no truth values: right where left is unknown."""

    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """`function` is one of abs, min, max, round."""

    function: str
    arguments: tuple[Expression, ...]


Expression = Union[Const, Operand, AggregateRef, Not, And, Or, Compare, OneOf, Arithmetic, Choice, Otherwise, Call]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A streaming value with durable state: `function` over `of`, sampled once for each new value of `on`, a step or
    an input.

    Attributes:
        function: share (part of known samples for which `of` is true), count (of true), mean, min, max, rate (true
            per second), deviation (standard, of the population), quantile, trend (least squares, per second),
            changed (true if two known samples in the window differ), since (ns since `of` was last true).
        last_ns: window in time; 0 if the window counts samples.
        last_samples: window in samples; 0 if it is in time.
        min_samples: with fewer known samples in the window the value is unknown.
        argument: of quantile: which one, in 0..1.
    """

    function: str
    on: str
    of: Expression
    last_ns: int
    last_samples: int
    min_samples: int
    argument: float = 0.0
