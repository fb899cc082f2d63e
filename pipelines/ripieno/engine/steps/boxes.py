"""The part of a picture that a detected object takes: what a model that looks closer is shown."""

from __future__ import annotations

from collections.abc import Mapping

BOX = "_box"  # beside a detecting step's fields: where its best object is; no expression can name it

Box = tuple[float, float, float, float]


def box_of(fields: Mapping[str, object] | None, margin: float) -> Box | None:
    """Return the best object's box, wider by `margin` of its width and height on each side; None where there is none.

    Left, top, right, bottom as parts of the picture, each in 0..1.
    """
    found = (fields or {}).get(BOX)
    if not isinstance(found, (tuple, list)):
        return None
    left, top, right, bottom = found
    wide, high = (right - left) * margin, (bottom - top) * margin
    box = max(0.0, left - wide), max(0.0, top - high), min(1.0, right + wide), min(1.0, bottom + high)
    return box if box[0] < box[2] and box[1] < box[3] else None
