"""What the names in an expression mean: the steps, inputs and outputs of a pipeline, and the aggregates made so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ripieno.plan import (
    Aggregate,
    And,
    Arithmetic,
    Call,
    Compare,
    Expression,
    Not,
    OneOf,
    Operand,
)

from ..names import Names
from ..problems import Report
from ..source import Node
from .contradictions import contradiction
from .typed import Source

KINDS = ("step", "input", "output")


@dataclass(frozen=True, slots=True)
class When:
    """A condition under which a step runs, and its text."""

    tree: Expression
    text: str


@dataclass(slots=True)
class Scope:
    """The names that an expression may use: a pipeline's, or a workflow's.

    Attributes:
        indexes: the pipeline's aggregates; identical ones are shared.
        whens: of each step (by its name in the plan), the conditions without which it has no answer.
        steps: of each step (by its name in the plan), its number in the file and the item kind that it runs for.
    """

    report: Report
    names: Names
    sources: dict[str, Source]
    indexes: dict[Aggregate, int] = field(default_factory=dict)
    whens: dict[str, tuple[When, ...]] = field(default_factory=dict)
    steps: dict[str, tuple[int, str]] = field(default_factory=dict)

    def inside(self, names: Names, sources: dict[str, Source]) -> Scope:
        """Return the scope of a workflow's steps: other names, the same pipeline."""
        return Scope(self.report, names, sources, self.indexes, self.whens, self.steps)

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """All that were asked for, each once."""
        return tuple(self.indexes)

    def aggregate(self, wanted: Aggregate) -> int:
        """Return the index of this aggregate."""
        return self.indexes.setdefault(wanted, len(self.indexes))

    def units(self) -> frozenset[str]:
        """Return the units of all fields."""
        return frozenset(one.unit for source in self.sources.values() for one in source.fields.values() if one.unit)

    def needed_whens(self, tree: Expression) -> tuple[When, ...]:
        """Return the conditions under which the steps ran that must have answered where this is true."""
        steps = dict.fromkeys(one.name for one in _known_where_true(tree) if one.source == "step")
        return tuple(dict.fromkeys(when for step in steps for when in self.whens.get(step, ())))

    def impossible(self, tree: Expression) -> str:
        """Return why a condition can never hold, "" where nothing speaks against it."""
        if why := contradiction((tree,)):
            return why
        whens = self.needed_whens(tree)
        if whens and (why := contradiction((tree, *(when.tree for when in whens)))):
            return f"{why}; what it names is known only where {' and '.join(when.text for when in whens)}"
        return ""


def _known_where_true(tree: Expression) -> Iterator[Operand]:
    """Yield operands that cannot be unknown where the condition is true."""
    match tree:
        case Operand():
            yield tree
        case And(terms):
            for term in terms:
                yield from _known_where_true(term)
        case Not(Compare() | OneOf() | Operand() as term):
            yield from _known_where_true(term)
        case Compare(_, left, right):
            yield from _known_with(left)
            yield from _known_with(right)
        case OneOf(term, _):
            yield from _known_with(term)


def _known_with(value: Expression) -> Iterator[Operand]:
    """Yield operands that cannot be unknown where this value is known."""
    match value:
        case Operand():
            yield value
        case Arithmetic(_, left, right):
            yield from _known_with(left)
            yield from _known_with(right)
        case Call(_, arguments):
            for one in arguments:
                yield from _known_with(one)


@dataclass(frozen=True, slots=True)
class Spot:
    """An expression's place in the file.

    Attributes:
        each: the item kind that its rule or step runs for, "" for one over time.
        subject: what it is part of, for messages.
    """

    node: Node
    path: str
    each: str = ""
    offset: int = 0
    subject: str = "rule"


def counts(each: str, counted: str = "results") -> tuple[str, ...]:
    """Return the words that count results of a step: `20 parts`."""
    if each:
        return f"{each}s", each, "items", "results"
    return ("results", "frames") if counted == "results" else (counted, "results")
