"""The envelope of a frame (docs/link-protocol.md, section 1).

COBS( type u8 | seq u8 | ack u8 | payload 0..64 bytes | crc u32 ) 00      crc = crc32(all before it, seed)
"""

import zlib
from typing import NamedTuple

from ripieno_sim.codec.cobs import cobs_decode, cobs_encode
from ripieno_sim.codec.messages import Message, fits, pack, unpack

__all__ = ["MAX_BODY", "MAX_RUN", "MIN_BODY", "Decoder", "Frame", "encode", "open_body"]

MIN_BODY = 7  # type, seq, ack, crc
MAX_BODY = 71
MAX_RUN = MAX_BODY + 1  # the most bytes between two zeros


class Frame(NamedTuple):
    """One good frame. `message` is None in ACK and NAK."""

    kind: int
    seq: int
    ack: int
    message: Message | None


def encode(kind: int, seq: int, ack: int, message: Message | None, seed: int) -> bytes:
    """Return the wire bytes of one frame, its closing zero included; `seed` is the session's token or 0."""
    head = bytes((kind, seq, ack)) + pack(kind, message)
    return cobs_encode(head + zlib.crc32(head, seed).to_bytes(4, "little")) + b"\0"


def open_body(body: bytes, seed: int) -> Frame | None:
    """Return the frame that a body holds, or None: another seed, a damaged byte, a size its type does not have."""
    if not MIN_BODY <= len(body) <= MAX_BODY:
        return None
    head = body[:-4]
    if zlib.crc32(head, seed) != int.from_bytes(body[-4:], "little"):
        return None
    kind, payload = head[0], head[3:]
    if not fits(kind, payload):
        return None
    return Frame(kind, head[1], head[2], unpack(kind, payload))


class Decoder:
    """Cut received bytes into bodies; remembers at most MAX_RUN bytes."""

    def __init__(self) -> None:
        self._run = b""
        self._overlong = False

    def feed(self, received: bytes) -> list[bytes | None]:
        """Return a body for each whole run, None for each that is too long, too short or badly stuffed.

        Empty runs between zeros are nothing at all.
        """
        *whole, rest = received.split(b"\0")
        bodies: list[bytes | None] = []
        for piece in whole:
            run, overlong = self._run + piece, self._overlong
            self._run, self._overlong = b"", False
            if not run and not overlong:
                continue
            body = None if overlong or len(run) > MAX_RUN else cobs_decode(run)
            bodies.append(body if body is not None and len(body) >= MIN_BODY else None)
        if not self._overlong:
            self._run += rest
            if len(self._run) > MAX_RUN:
                self._run, self._overlong = b"", True
        return bodies
