"""How far a value can be trusted: its health, and the value that stands for "not known"."""

from __future__ import annotations

import enum
from typing import Final


class Health(enum.StrEnum):
    """Why a value may or may not be used; all but GOOD make an operand unknown."""

    GOOD = "good"
    MISSING = "missing"
    STALE = "stale"
    DAMAGED = "damaged"
    NON_FINITE = "non-finite"
    OUT_OF_RANGE = "out-of-range"
    FAILED = "failed"
    LATE = "late"
    FROZEN = "frozen"
    DARK = "dark"
    OVER_EXPOSED = "over-exposed"
    WRONG_SIZE = "wrong-size"
    STUCK = "stuck"
    SATURATED = "saturated"
    CLOCK_DRIFT = "clock-drift"
    NOT_WANTED = "not-wanted"


class Unknown(enum.Enum):
    """The third truth value. It is not false: `if UNKNOWN` raises, so that no code treats it so by accident."""

    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        raise TypeError("unknown is neither true nor false; ask `is UNKNOWN`")

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN
