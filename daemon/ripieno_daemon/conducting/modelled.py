"""A model's answer as the engine is told: what lies behind its label and score."""

from __future__ import annotations

from ripieno.engine.events import Found
from ripieno.values import Classification, Detections, Inferred, Regression


def found_of(inferred: Inferred) -> tuple[Found, ...]:
    """Return the objects of a model that detects, none of another."""
    result = inferred.result
    return tuple((one.label, one.score, *one.box) for one in result.found) if isinstance(result, Detections) else ()


def numbers_of(inferred: Inferred) -> tuple[float, ...]:
    """Return the values of a model that gives some; of one that gives a label, how far that lies before the next."""
    match inferred.result:
        case Regression() as values:
            return values.scores
        case Classification() as answer:
            return (answer.margin,)
    return ()
