"""Lines as they leave: Marlin's have a number and a checksum, grbl's neither; and values put into declared commands.

N<number> <command>*<checksum>      the checksum: XOR of all bytes before `*` (Marlin, "Line number and checksum")
"""

from __future__ import annotations

import math
from typing import Final

from .settings import PLACE, GcodePoint

NUMBER_FROM_HERE: Final = "M110 N0"
STATUS, HOLD, RESUME, SOFT_RESET = b"?", b"!", b"~", b"\x18"
"""grbl's real-time signs: taken out of the stream at once, wherever they stand (interface.md, "Real-Time Commands")."""


def numbered(number: int, command: str) -> bytes:
    """Return a line for Marlin. It begins with a line end, so that the rest of a line cut short cannot join it:
    joined, the two may well have a checksum that fits (8 bits, and equal parts cancel). Empty lines are ignored.
    """
    body = f"N{number} {command}".encode("ascii")
    checksum = 0
    for byte in body:
        checksum ^= byte
    return b"\n%b*%d\n" % (body, checksum)


def plain(command: str) -> bytes:
    """Return a line for grbl."""
    return command.encode("ascii") + b"\n"


def filled(point: GcodePoint, value: float) -> str | None:
    """Return the declared command with the value in it; None if the value is not within its bounds."""
    if PLACE not in point.command:
        return point.command
    if not math.isfinite(value) or not point.low <= value <= point.high:
        return None
    return point.command.replace(PLACE, f"{value:.{point.decimals}f}")
