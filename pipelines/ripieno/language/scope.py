"""What the names in an expression mean: the steps, inputs and outputs of a pipeline, and the aggregates made so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ripieno.plan import Aggregate

from .names import Names
from .problems import Report
from .source import Node
from .typed import Source

KINDS = ("step", "input", "output")


@dataclass(slots=True)
class Scope:
    """One pipeline's names. Identical aggregates are shared."""

    report: Report
    names: Names
    sources: Mapping[str, Source]
    _indexes: dict[Aggregate, int] = field(default_factory=dict)

    @property
    def aggregates(self) -> tuple[Aggregate, ...]:
        """All that were asked for, each once."""
        return tuple(self._indexes)

    def aggregate(self, wanted: Aggregate) -> int:
        """Return the index of this aggregate."""
        return self._indexes.setdefault(wanted, len(self._indexes))


@dataclass(frozen=True, slots=True)
class Spot:
    """An expression's place in the file. `each`: the item kind that its rule runs for, "" for a rule over time."""

    node: Node
    path: str
    each: str = ""
    offset: int = 0


def counts(each: str) -> tuple[str, ...]:
    """Return the words that count results of a step: `20 parts`."""
    return (f"{each}s", each, "items", "results") if each else ("results", "frames")
