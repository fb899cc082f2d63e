"""What an evaluation says; plain enough for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Figures of one class; None where there is nothing to divide by. `n`: rows of this class."""

    precision: float | None
    recall: float | None
    f1: float | None
    n: int


@dataclass(frozen=True, slots=True)
class WorstLabel:
    """A label that is often missed: how often it is found, of how many, and what it is taken for most."""

    label: str
    recall: float
    n: int
    taken_for: str


@dataclass(frozen=True, slots=True)
class ByScore:
    """What a rule would have that takes answers from a score on: their share, and how many of them are right."""

    at_least: float
    share: float
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """How a model did on a split.

    Attributes:
        n: rows that the model answered; accuracy and the rest are over these.
        interval: 95 %: `accuracy` and `balanced_accuracy` by bootstrap over `groups` groups, `wilson` for accuracy as
            if all rows were independent.
        confusion: [true class][answer], in the order of `labels`.
        worst: the labels that are missed most, the worst first; none that is always found.
        by_score, by_margin: for a rule that asks for so high a score, or margin over the second label.
        unreadable: [name, why] of rows that got no answer; they are in no other figure.
        windowed: k to the share of windows of k pictures of one class whose most frequent answer is that class (mean
            over the classes with at least k pictures; a tie is wrong); None where no class has k. Pictures alone: they
            are of one thing after the other.
    """

    bundle: str
    version: str
    model: str
    sha256: str
    split: str | None
    runtime: str
    runtime_version: str
    fingerprint: str
    labels: Sequence[str]
    n: int
    groups: int
    accuracy: float
    balanced_accuracy: float
    interval: Mapping[str, tuple[float, float]]
    confusion: Sequence[Sequence[int]]
    per_class: Mapping[str, ClassFigures]
    worst: Sequence[WorstLabel]
    by_score: Sequence[ByScore]
    by_margin: Sequence[ByScore]
    decode_ms: Mapping[str, float]
    invoke_ms: Mapping[str, float]
    unreadable: Sequence[tuple[str, str]]
    windowed: Mapping[int, float | None]

    def to_plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        plain = asdict(self)
        plain["windowed"] = {str(k): share for k, share in self.windowed.items()}
        return plain
