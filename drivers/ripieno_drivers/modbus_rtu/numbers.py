"""Numbers in registers: Modbus knows 16-bit words only (AP 4.2); wider ones are two, in each maker's own order."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Final, Literal

Kind = Literal["int16", "uint16", "int32", "uint32", "float32"]
WordOrder = Literal["high-first", "low-first"]
WORDS: Final = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2}
_FORMATS: Final = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f"}


def number_in(words: Sequence[int], kind: Kind, order: WordOrder) -> float:
    """Return the number that the words hold."""
    ordered = words if order == "high-first" else tuple(reversed(words))
    (number,) = struct.unpack(_FORMATS[kind], struct.pack(f">{len(ordered)}H", *ordered))
    return float(number)


def words_for(number: float, kind: Kind, order: WordOrder) -> tuple[int, ...] | None:
    """Return the words that hold a number, rounded to what the kind can hold; None if it does not fit."""
    if not math.isfinite(number):
        return None
    try:
        packed = struct.pack(_FORMATS[kind], number if kind == "float32" else round(number))
    except (struct.error, OverflowError):
        return None
    words = struct.unpack(f">{len(packed) // 2}H", packed)
    return words if order == "high-first" else tuple(reversed(words))
