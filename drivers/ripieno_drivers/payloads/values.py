"""What of an outside value may go further: texts, numbers and truth values that the record can hold."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final, Union

from .pointer import ABSENT

Scalar = Union[str, int, float, bool]
LONGEST_TEXT: Final = 8_000
LONGEST_WHOLE: Final = 64_000
"""Characters of all texts of one record or message: its event must fit into a record of the ledger."""
_INT64: Final = 1 << 63


def gather(pairs: Iterable[tuple[str, object]]) -> tuple[dict[str, Scalar], list[str]]:
    """Return the usable values by name, and a sentence for each that is not; null and ABSENT are left out silently."""
    fields: dict[str, Scalar] = {}
    faults: list[str] = []
    left = LONGEST_WHOLE
    for name, value in pairs:
        if value is None or value is ABSENT:
            continue
        if fault := _fault(value):
            faults.append(f"{name} {fault}")
            continue
        assert isinstance(value, (str, int, float, bool))
        if isinstance(value, str):
            left -= len(value)
            if left < 0:
                faults.append(f"{name} does not fit: all texts together have more than {LONGEST_WHOLE} characters")
                continue
        fields[name] = value
    return fields, faults


def _fault(value: object) -> str:
    match value:
        case bool():
            return ""
        case str():
            if len(value) > LONGEST_TEXT:
                return f"has {len(value)} characters; at most {LONGEST_TEXT} are taken"
            return "" if value.isascii() or _is_whole(value) else "holds bytes that are no text"
        case int():
            return "" if -_INT64 <= value < _INT64 else "is a number beyond 64 bits"
        case float():
            return "" if math.isfinite(value) else "is no finite number"
        case bytes():
            return f"holds {len(value)} bytes that are no text"
        case list() | tuple():
            return "holds a list"
        case dict():
            return "holds an object"
        case _:
            return f"holds a {type(value).__name__}"


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True
