"""How far the system's clock can be believed, as the kernel says it."""

from __future__ import annotations

import ctypes
from typing import Final

UNKNOWN, PLAUSIBLE, SYNCHRONISED = 0, 1, 2
TIMEX_BYTES: Final = 512  # struct timex is 208 bytes on 64-bit Linux; the kernel writes no more than it knows
TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised


def clock_quality() -> int:
    """Return 2 while something disciplines the clock (NTP, PTP), else 1.

    The kernel cannot say that a clock is wrong: whether it is before what was signed lately, who asks has to see.
    A system without adjtimex gives 1 too.
    """
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    except (OSError, AttributeError):
        return PLAUSIBLE
    return SYNCHRONISED if 0 <= state < TIME_ERROR else PLAUSIBLE
