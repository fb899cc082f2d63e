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

import msgpack

from ripieno.contracts.ports import Clock, Entropy
from ripieno.errors import RipienoError

VERSION: Final = 1
CONTENT_TYPE: Final = "application/vnd.ripieno.v1+msgpack"
MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 16
MAX_ELEMENTS: Final = 20_000
ID_BYTES: Final = 16
_KEYS: Final = {"v": int, "t": str, "id": bytes, "src": str, "boot": int, "seq": int, "ts": int, "tq": int, "d": dict}


class BadEnvelope(RipienoError):
    """A message that is not what it should be. `reason` is a short word for the answer and for counters."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


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

    def wrap(self, type: str, body: Mapping[str, Any]) -> bytes:
        """Return the bytes of a new message."""
        self._seq += 1
        return encode(
            Envelope(
                type,
                body,
                self._entropy.token(ID_BYTES),
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
    packed: bytes = msgpack.packb(_Walk().sorted(content, 0), use_bin_type=True)
    if len(packed) > MAX_BYTES:
        raise BadEnvelope("size", f"a message of {len(packed)} bytes; at most {MAX_BYTES}")
    return packed


def decode(packed: bytes, max_bytes: int = MAX_BYTES) -> Envelope:
    """Return the message that these bytes are.

    Raises:
        BadEnvelope: too large, damaged, of another version, or not an envelope.
    """
    if len(packed) > max_bytes:
        raise BadEnvelope("size", f"a message of {len(packed)} bytes; at most {max_bytes}")
    try:
        content = msgpack.unpackb(
            packed,
            raw=False,
            strict_map_key=True,
            use_list=True,
            object_pairs_hook=_unique,
            ext_hook=_no_extension,
            max_str_len=max_bytes,
            max_bin_len=max_bytes,
            max_array_len=MAX_ELEMENTS,
            max_map_len=MAX_ELEMENTS,
        )
    except BadEnvelope:
        raise
    except Exception as error:  # msgpack raises many kinds: ValueError, its own, RecursionError, UnicodeDecodeError
        raise BadEnvelope("format", f"not msgpack as expected: {error or type(error).__name__}") from None
    if not isinstance(content, dict):
        raise BadEnvelope("format", f"a map was expected, a {type(content).__name__} came")
    _Walk().check(content, 0)
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


class _Walk:
    """Goes through a value and counts: depth and elements are bounded whatever the bytes say."""

    def __init__(self) -> None:
        self._elements = 0

    def _count(self, depth: int) -> None:
        self._elements += 1
        if depth > MAX_DEPTH:
            raise BadEnvelope("depth", f"nested deeper than {MAX_DEPTH}")
        if self._elements > MAX_ELEMENTS:
            raise BadEnvelope("elements", f"more than {MAX_ELEMENTS} elements")

    def check(self, value: Any, depth: int) -> None:
        self._count(depth)
        if isinstance(value, dict):
            for key, each in value.items():
                if not isinstance(key, str):
                    raise BadEnvelope("key", f"key {key!r} is no text")
                self.check(each, depth + 1)
        elif isinstance(value, list):
            for each in value:
                self.check(each, depth + 1)
        elif not (value is None or isinstance(value, bool | int | float | str | bytes)):
            raise BadEnvelope("format", f"a {type(value).__name__} has no place here")

    def sorted(self, value: Any, depth: int) -> Any:
        self._count(depth)
        if isinstance(value, Mapping):
            return {key: self.sorted(value[key], depth + 1) for key in sorted(value)}
        if isinstance(value, list | tuple):
            return [self.sorted(each, depth + 1) for each in value]
        return value


def _unique(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise BadEnvelope("key", "a key stands twice in one map")
    return content


def _no_extension(code: int, _content: bytes) -> Any:
    raise BadEnvelope("format", f"extension type {code} has no place here")
