"""The envelope of every message: a msgpack map, read with limits, written the same way for the same content.

    v   1                       ts  microseconds UTC
    t   type of the message     tq  quality of that clock: 0 unknown, 1 set once, 2 synchronised
    id  16 bytes                d   body
    src sender   boot sender's boot number   seq number of the message since that boot

Unknown keys are kept in `extra`; an unknown `v` is refused with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ripieno.contracts.ports import Clock, Entropy

from ..packed import BadPacked, pack, unpack

VERSION: Final = 1
CONTENT_TYPE: Final = "application/vnd.ripieno.v1+msgpack"
MAX_BYTES: Final = 256 * 1024
ID_BYTES: Final = 16
_KEYS: Final = {"v": int, "t": str, "id": bytes, "src": str, "boot": int, "seq": int, "ts": int, "tq": int, "d": dict}
BadEnvelope = BadPacked


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message. `ts_us`: the sender's UTC in microseconds."""

    type: str
    body: Mapping[str, Any]
    id: bytes
    src: str
    boot: int
    seq: int
    ts_us: int
    tq: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)


class Sender:
    """Puts bodies into envelopes of one sender: counts them, stamps them."""

    def __init__(self, src: str, boot: int, clock: Clock, entropy: Entropy, clock_quality: int = 0) -> None:
        self._src, self._boot, self._clock, self._entropy = src, boot, clock, entropy
        self.clock_quality = clock_quality
        self._seq = 0

    def wrap(self, type: str, body: Mapping[str, Any], id: bytes = b"") -> bytes:
        """Return the bytes of a new message, with an id of its own unless one is given."""
        self._seq += 1
        return encode(
            Envelope(
                type,
                body,
                id or self._entropy.token(ID_BYTES),
                self._src,
                self._boot,
                self._seq,
                self._clock.wall_ns() // 1000,
                self.clock_quality,
            )
        )


def encode(envelope: Envelope) -> bytes:
    """Return the message's bytes; equal envelopes give equal bytes.

    Raises:
        BadEnvelope: larger, deeper or with more elements than a receiver takes.
    """
    content: dict[str, Any] = {
        **envelope.extra,
        "v": VERSION,
        "t": envelope.type,
        "id": envelope.id,
        "src": envelope.src,
        "boot": envelope.boot,
        "seq": envelope.seq,
        "ts": envelope.ts_us,
        "tq": envelope.tq,
        "d": envelope.body,
    }
    return pack(content, MAX_BYTES)


def decode(packed: bytes, max_bytes: int = MAX_BYTES) -> Envelope:
    """Return the message that these bytes are.

    Raises:
        BadEnvelope: too large, damaged, of another version, or not an envelope.
    """
    content = unpack(packed, max_bytes)
    if not isinstance(content, dict):
        raise BadEnvelope("format", f"a map was expected, a {type(content).__name__} came")
    if content.get("v") != VERSION:
        raise BadEnvelope("version", f"version {content.get('v')!r}; this release reads {VERSION}")
    for key, kind in _KEYS.items():
        if type(content.get(key)) is not kind:
            raise BadEnvelope("key", f"{key!r} should be {kind.__name__}, is {type(content.get(key)).__name__}")
    if len(content["id"]) != ID_BYTES:
        raise BadEnvelope("key", f"'id' should be {ID_BYTES} bytes, is {len(content['id'])}")
    return Envelope(
        content["t"],
        content["d"],
        content["id"],
        content["src"],
        content["boot"],
        content["seq"],
        content["ts"],
        content["tq"],
        {key: value for key, value in content.items() if key not in _KEYS},
    )
