"""What a model said about a frame."""

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
class Inferred:
    """The answer of one inference call. `result` is None when `health` is not GOOD; `why` then says what a person
    reads.

    `picture_digest`: SHA-256 of the encoded bytes (hex, first 32 digits); times of the worker in microseconds.
    """

    health: Health
    result: Classification | None
    why: str
    picture_digest: str
    decode_us: int
    invoke_us: int
