"""Parts of a picture: where tiles lie, and one answer made of theirs.

Tiles overlap by OVERLAP of their size on each inner side, so that an object on a border is whole in one of them. Of a
classifier the answer is that of the tile which is least like the first label: one bad tile makes a bad picture. Of a
detector it is all objects; where two of one label lie on each other (intersection over union above SAME), the better
one counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ripieno.errors import ModelError
from ripieno.values import Classification, Detection, Detections, Result

Box = tuple[float, float, float, float]
WHOLE: Final[Box] = (0.0, 0.0, 1.0, 1.0)
OVERLAP: Final = 0.1
SAME: Final = 0.5


def parts_of(box: Box | None, tiles: tuple[int, int]) -> list[Box]:
    """Return what of a picture is shown, row by row: left, top, right, bottom as parts of the whole picture."""
    left, top, right, bottom = box or WHOLE
    columns, rows = tiles
    wide, high = (right - left) / columns, (bottom - top) / rows
    over_x, over_y = (wide * OVERLAP if columns > 1 else 0.0), (high * OVERLAP if rows > 1 else 0.0)
    return [
        (
            max(left, left + column * wide - over_x),
            max(top, top + row * high - over_y),
            min(right, left + (column + 1) * wide + over_x),
            min(bottom, top + (row + 1) * high + over_y),
        )
        for row in range(rows)
        for column in range(columns)
    ]


def merged(answers: Sequence[tuple[Box, Result]]) -> Result:
    """Return one answer for a picture whose parts were answered for; its boxes are parts of the whole picture.

    Raises:
        ModelError: answers of values cannot be merged.
    """
    results = [result for _, result in answers]
    if all(isinstance(one, Detections) for one in results):
        found = [_placed(one, box) for box, result in answers for one in getattr(result, "found", ())]
        return Detections(tuple(_best(found)))
    if len(results) == 1:
        return results[0]
    classified = [one for one in results if isinstance(one, Classification)]
    if len(classified) < len(results):
        raise ModelError("a model that gives values cannot be shown tiles: its answers have no common meaning")
    return min(classified, key=lambda one: one.scores[0])


def _placed(one: Detection, part: Box) -> Detection:
    left, top, right, bottom = part
    wide, high = right - left, bottom - top
    a, b, c, d = one.box
    return replace(one, box=(left + a * wide, top + b * high, left + c * wide, top + d * high))


def _best(found: Sequence[Detection]) -> list[Detection]:
    kept: list[Detection] = []
    for one in sorted(found, key=lambda each: (-each.score, each.label, each.box)):
        if not any(one.label == other.label and _shared(one.box, other.box) > SAME for other in kept):
            kept.append(one)
    return kept


def _shared(one: Box, other: Box) -> float:
    """Return intersection over union."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0.0 or high <= 0.0:
        return 0.0
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * high / (area - wide * high)
