"""What a model said about a frame: one label for the whole picture, or objects with their places in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .evidence import Health


@dataclass(frozen=True, slots=True)
class Classification:
    """The label with the highest score, and all scores in the model's order (real values, softmax in 0..1)."""

    label: str
    score: float
    scores: tuple[float, ...]

    def fields(self) -> Mapping[str, object]:
        """What a rule can name behind the step."""
        return {"label": self.label, "score": self.score}


@dataclass(frozen=True, slots=True)
class Detection:
    """One object. `box`: left, top, right, bottom as parts of the picture's width and height, each in 0..1."""

    label: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Detections:
    """The objects that reached the model's threshold, the highest score first. None is an answer too: count 0."""

    found: tuple[Detection, ...]

    @property
    def label(self) -> str:
        """The label of the best, "" where there is none."""
        return self.found[0].label if self.found else ""

    @property
    def score(self) -> float:
        """The score of the best, 0 where there is none."""
        return self.found[0].score if self.found else 0.0

    @property
    def scores(self) -> tuple[float, ...]:
        """All scores, highest first."""
        return tuple(one.score for one in self.found)

    def fields(self) -> Mapping[str, object]:
        """What a rule can name behind the step."""
        return {"label": self.label, "score": self.score, "count": float(len(self.found))}


@dataclass(frozen=True, slots=True)
class Inferred:
    """The answer of one inference call. `result` is None when `health` is not GOOD; `why` then says what a person
    reads.

    `picture_digest`: SHA-256 (hex, first 32 digits) of the encoded bytes, or, of a picture that came as pixels, of the
    pixels at the model's size; times of the worker in microseconds.
    """

    health: Health
    result: Classification | Detections | None
    why: str
    picture_digest: str
    decode_us: int
    invoke_us: int
