"""What a model said of what it was given: one label, objects with their places in a picture, or named values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union

from .evidence import Health


@dataclass(frozen=True, slots=True)
class Classification:
    """The label with the highest score, and all scores in the model's order (real values, softmax in 0..1)."""

    label: str
    score: float
    scores: tuple[float, ...]

    @property
    def margin(self) -> float:
        """How far the score lies above the second highest; the score itself where there is one label."""
        ordered = sorted(self.scores, reverse=True)
        return ordered[0] - ordered[1] if len(ordered) > 1 else self.score

    def fields(self) -> Mapping[str, object]:
        """What a rule can name behind the step."""
        return {"label": self.label, "score": self.score, "margin": self.margin}


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
class Regression:
    """Real values by name, in the model's order. There is no label: "" and 0 stand for it in a record."""

    values: tuple[tuple[str, float], ...]

    @property
    def label(self) -> str:
        """None: ""."""
        return ""

    @property
    def score(self) -> float:
        """None: 0."""
        return 0.0

    @property
    def scores(self) -> tuple[float, ...]:
        """The values alone."""
        return tuple(value for _, value in self.values)

    def fields(self) -> Mapping[str, object]:
        """What a rule can name behind the step."""
        return dict(self.values)


Result = Union[Classification, Detections, Regression]


@dataclass(frozen=True, slots=True)
class Inferred:
    """The answer of one inference call. `result` is None when `health` is not GOOD; `why` then says what a person
    reads.

    `picture_digest`: SHA-256 (hex, first 32 digits) of what was given: of the encoded picture, of the text in UTF-8, of
    the numbers as little-endian float64; of a picture that came as pixels, of the pixels at the model's size. Times of
    the worker in microseconds: `decode_us` from the bytes to the input tensor.
    """

    health: Health
    result: Result | None
    why: str
    picture_digest: str
    decode_us: int
    invoke_us: int
