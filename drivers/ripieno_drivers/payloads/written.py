"""A booking as other systems read it: {"act": ..., "output": ..., "verb": ..., "fields": {...}}."""

from __future__ import annotations

import json
import math
from typing import Any

from ripieno.values import Booking


def booking_document(booking: Booking) -> dict[str, Any]:
    """Return the document; what is not known is null."""
    return {
        "act": str(booking.act),
        "output": booking.output,
        "verb": booking.verb,
        "fields": {name: _plain(value) for name, value in booking.fields},
    }


def to_json(document: Any, indent: int | None = None) -> bytes:
    """Return UTF-8. Half a character becomes its escape: a text is never a reason not to book."""
    written = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=indent)
    return written.encode("utf-8", "backslashreplace")


def _plain(value: object) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)
