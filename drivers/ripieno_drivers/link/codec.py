"""Frames to bytes and back; docs/link-protocol.md section 1.

    frame on the wire = COBS( type u8 | seq u8 | ack u8 | payload 0..64 bytes | crc u32 ) 00

The decoder keeps at most 72 bytes and never raises: what is damaged is said, not thrown.
"""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

MAX_PAYLOAD: Final = 64
MIN_BODY: Final = 7
MAX_BODY: Final = MAX_PAYLOAD + MIN_BODY
MAX_RUN: Final = MAX_BODY + 1
"""Most bytes between two zeros (section 1): COBS adds one byte to a body of at most 71."""
_CODES: Final = tuple(bytes((length + 1,)) for length in range(MAX_BODY + 1))
"""What COBS puts before a run of so many bytes; runs of 254 and more, which have a code of their own, do not occur."""

HELLO, WELCOME, BOOT = 0x01, 0x02, 0x03
ACK, NAK, PING, PONG, SAMPLE = 0x10, 0x11, 0x12, 0x13, 0x14
ACT, DONE, QUERY, STATUS, ARM, EVENT, ESTOP, CANCEL, SET = 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28

SESSIONLESS: Final = frozenset({HELLO, WELCOME, BOOT})
"""Frames whose CRC starts at 0, so that they are understood outside a session."""

RELIABLE: Final = frozenset({ACT, DONE, QUERY, STATUS, ARM, EVENT, CANCEL, SET})
"""Frames that are numbered, in order and sent again (section 4)."""


class Frame(NamedTuple):
    """One frame. `seq` is 0 unless the type is in RELIABLE; `ack` is the next reliable `seq` expected from the
    peer.
    """

    type: int
    seq: int
    ack: int
    payload: bytes


def encode(type_: int, seq: int, ack: int, payload: bytes, token: int) -> bytes:
    """Return the bytes of a frame with its closing zero; `token` is the session's, ignored for HELLO, WELCOME and
    BOOT.
    """
    body = bytes((type_, seq, ack)) + payload
    seed = 0 if type_ in SESSIONLESS else token
    return _stuff(body + zlib.crc32(body, seed).to_bytes(4, "little")) + b"\0"


def open_body(body: bytes, token: int) -> Frame | None:
    """Return the frame in a body that the decoder yielded, None if its CRC does not hold under this session's
    token (0: no session).
    """
    if not MIN_BODY <= len(body) <= MAX_BODY:
        return None
    if body[0] in SESSIONLESS:
        seed = 0
    elif token:
        seed = token
    else:
        return None
    if zlib.crc32(body[:-4], seed) != int.from_bytes(body[-4:], "little"):
        return None
    return Frame(body[0], body[1], body[2], body[3:-4])


class Decoder:
    """Split received bytes into bodies; remembers at most MAX_RUN bytes and one bit."""

    def __init__(self) -> None:
        self._held = b""
        self._overlong = False

    def feed(self, received: bytes) -> list[bytes | None]:
        """Return, for each run between zeros that is not empty, the body or None where it is damaged (too long, or
        no COBS).
        """
        *runs, rest = received.split(b"\0")
        bodies: list[bytes | None] = []
        for run in runs:
            if self._overlong or len(self._held) + len(run) > MAX_RUN:
                bodies.append(None)
            elif self._held or run:
                bodies.append(_unstuff(self._held + run))
            self._held, self._overlong = b"", False
        if self._overlong or len(self._held) + len(rest) > MAX_RUN:
            self._held, self._overlong = b"", True
        else:
            self._held += rest
        return bodies


def _stuff(body: bytes) -> bytes:
    """COBS: each zero, and one thought behind the end, is replaced by the length of what leads to it."""
    return b"".join([_CODES[len(run)] + run for run in body.split(b"\0")])


def _unstuff(run: bytes) -> bytes | None:
    """Return what was stuffed into a run without zeros, None if no body was."""
    place, size, pieces = 0, len(run), []
    while place < size:
        begin, place = place + 1, place + run[place]
        pieces.append(run[begin:place])
    body = b"\0".join(pieces)
    return body if place == size and MIN_BODY <= len(body) <= MAX_BODY else None
