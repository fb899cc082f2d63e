"""From a model's outputs to its result, as the declared task reads them.

Scores and boxes are rounded to what a person can use of them (6 and 4 places), so that a result is small in the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ripieno.errors import ModelError
from ripieno.values import Classification, Detection, Detections, Health, Regression, Result

from .spec import ModelSpec, Task

BOX_PLACES: Final = 4
SCORE_PLACES: Final = 6


class ResultError(ModelError):
    """The model gave numbers that are no result; `health` says of which kind."""

    def __init__(self, health: Health, message: str) -> None:
        self.health = health
        super().__init__(message)


def decode_result(spec: ModelSpec, outputs: Sequence[NDArray[np.float32]]) -> Result:
    """Return the result that the task reads from real outputs, in the order of the file.

    Raises:
        ResultError: a value is not finite, a class has no label, or every score is 0: a model that says nothing.
    """
    match spec.task:
        case Task.CLASSIFY:
            return _classification(spec, outputs[0].reshape(-1))
        case Task.REGRESS:
            return _regression(spec, outputs[0].reshape(-1))
        case Task.DETECT:
            return _detections(spec, dict(zip(spec.order, outputs, strict=True)))


def _classification(spec: ModelSpec, scores: NDArray[np.float32]) -> Classification:
    """Of equal scores the first label wins."""
    _finite(spec, scores)
    if not scores.any():  # probabilities cannot, and of logits it would be no answer: the first label must not win
        raise ResultError(Health.FAILED, f"model {spec.name} gave 0 for every label")
    best = int(scores.argmax())
    plain = tuple(float(score) for score in scores)
    return Classification(spec.labels[best], plain[best], plain)


def _regression(spec: ModelSpec, values: NDArray[np.float32]) -> Regression:
    _finite(spec, values)
    return Regression(tuple(zip(spec.order, map(float, values), strict=True)))


def _detections(spec: ModelSpec, outputs: dict[str, NDArray[np.float32]]) -> Detections:
    boxes, classes, scores = (
        outputs["boxes"].reshape(-1, 4),
        outputs["classes"].reshape(-1),
        outputs["scores"].reshape(-1),
    )
    _finite(spec, outputs["count"])
    count = max(0, min(len(scores), int(outputs["count"].reshape(-1)[0])))
    _finite(spec, scores[:count])
    found: list[Detection] = []
    for at in np.argsort(-scores[:count], kind="stable"):
        score = float(scores[at])
        if score < spec.threshold:
            break
        _finite(spec, boxes[at])
        _finite(spec, classes[at : at + 1])
        index = round(float(classes[at]))
        if not 0 <= index < len(spec.labels):
            known = f"0 to {len(spec.labels) - 1}"
            raise ResultError(Health.FAILED, f"model {spec.name} found class {index}; its labels are {known}")
        top, left, bottom, right = (round(min(1.0, max(0.0, float(side))), BOX_PLACES) for side in boxes[at])
        found.append(Detection(spec.labels[index], round(score, SCORE_PLACES), (left, top, right, bottom)))
    return Detections(tuple(found))


def _finite(spec: ModelSpec, values: NDArray[np.float32]) -> None:
    if not np.isfinite(values).all():
        raise ResultError(Health.NON_FINITE, f"model {spec.name} gave a score that is no finite number")
