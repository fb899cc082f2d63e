"""What the capture process and the driver say to each other: msgpack lists, each a message of its own.

Capture to driver:
    [OPENED, text]                                   it is open; what of the settings it did not take
    [SHOT, number, taken_ns, offset, stamp, width, height, health, why, still_ns]
                                                     picture `number` of this process; offset -1: it is in no slot
    [BEAT, number]                                   alive, `number` pictures so far; at least every BEAT_S
    [ENDED, number, text]                            the file has been played to its end
    [LOST, number, text]                             the source is gone or was never there
Driver to capture:
    [JOB, text]                                      what to do (job.py), once, first; not on the command line, which
                                                     every user can read, for it may hold a password
    [FREE, offset, stamp]                            nobody needs this picture any more
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgpack

OPENED: Final = 1
SHOT: Final = 2
BEAT: Final = 3
ENDED: Final = 4
LOST: Final = 5
FREE: Final = 6
JOB: Final = 7
BEAT_S: Final = 0.25


class Shot(NamedTuple):
    """One picture, as the capture process tells of it. Sizes in pixels, times in ns of CLOCK_BOOTTIME."""

    number: int
    taken_ns: int
    offset: int
    stamp: int
    width_px: int
    height_px: int
    health: str
    why: str
    still_ns: int


def pack(*words: Any) -> bytes:
    """Return a message."""
    packed: bytes = msgpack.packb(words, use_bin_type=True)
    return packed


def unpack(message: bytes) -> list[Any]:
    """Return the words of a message.

    Raises:
        ValueError: it is none.
    """
    try:
        words = msgpack.unpackb(message, raw=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise ValueError(f"no message: {error}") from error
    if not isinstance(words, list) or not words or not isinstance(words[0], int):
        raise ValueError("no message")
    return words
