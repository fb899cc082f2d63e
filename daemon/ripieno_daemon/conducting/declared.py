"""What came from outside as the pipeline declares it: fields in order, of their type, or None."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ripieno.engine.events import Scalar

MOST_CHARACTERS = 16_000  # of one text: an event is recorded whole, and a ledger is no archive of documents


def as_declared(given: Mapping[str, object], fields: Sequence[tuple[str, str]]) -> tuple[Scalar, ...]:
    """Return the fields in their order; None for one that is missing, of another type, too long or not finite.

    Args:
        fields: name and type (text, number or bool) of each.
    """
    return tuple(_as(kind, given.get(name)) for name, kind in fields)


def _as(kind: str, value: object) -> Scalar:
    if kind == "bool":
        return value if isinstance(value, bool) else None
    if kind == "text":
        return value if isinstance(value, str) and len(value) <= MOST_CHARACTERS else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
