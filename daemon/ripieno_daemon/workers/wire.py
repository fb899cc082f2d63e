"""The hop between control and worker: length-prefixed msgpack lists over a stream socket.

    uint32 little-endian length | msgpack

Control to worker (`id` rises; the answer carries it):
    [LOAD, id, name, model]         model: PooledModel.to_plain(); name: what INFER calls it, its bundle's own or, where
                                    there are several, PIPELINE/MODEL
    [INFER, id, name, ref, encoded, parts]
                                    the picture at path `ref`, or the bytes `encoded` when they are not nil: an encoded
                                    picture, a text in UTF-8, or little-endian float64 numbers, as the model takes;
                                    parts: [left, top, right, bottom] of the picture, each in 0..1; [] for all of it
    [INSPECT, id, path]             look into a model file, in a process of its own
Worker to control:
    [id, OK, ...]                   what LOAD, INFER or INSPECT give
    [id, REFUSED, text]             a ModelError
Bytes in, lists out; no socket here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgpack  # type: ignore[import-untyped, unused-ignore]  # ships no types in all the versions that we support

from ripieno.errors import WorkerLost
from ripieno.values import Classification, Detection, Detections, Health, Inferred, Regression, Result

LOAD: Final = 1
INFER: Final = 2
INSPECT: Final = 3
OK: Final = 0
REFUSED: Final = 1
CLASSIFIED: Final = 0
DETECTED: Final = 1
REGRESSED: Final = 2

PREFIX: Final = 4
MAX_BYTES: Final = 64 << 20  # an encoded picture of 50 megapixels

_packer = msgpack.Packer(use_bin_type=True)


def encode(message: list[Any]) -> bytes:
    """Return a message as it goes over the socket."""
    body: bytes = _packer.pack(message)
    return len(body).to_bytes(PREFIX, "little") + body


def decode(body: bytes | bytearray) -> list[Any]:
    """Return the message behind a length.

    Raises:
        WorkerLost: not a message; the other side is not what it should be.
    """
    try:
        message = msgpack.unpackb(body, raw=False)
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise WorkerLost(f"the worker sent what is no message: {error}") from error
    if not isinstance(message, list) or not message:
        raise WorkerLost(f"the worker sent what is no message: {str(message)[:80]}")
    return message


class Decoder:
    """Split received bytes into messages; remembers at most one message of MAX_BYTES."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, received: bytes) -> Iterator[list[Any]]:
        """Yield each whole message.

        Raises:
            WorkerLost: a length beyond MAX_BYTES, or bytes that are no message.
        """
        self._held += received
        while len(self._held) >= PREFIX:
            size = int.from_bytes(self._held[:PREFIX], "little")
            if size > MAX_BYTES:
                raise WorkerLost(f"the worker announced a message of {size} bytes; at most {MAX_BYTES} are taken")
            if len(self._held) < PREFIX + size:
                return
            body = bytes(self._held[PREFIX : PREFIX + size])
            del self._held[: PREFIX + size]
            yield decode(body)


def inferred_to_list(answer: Inferred) -> list[Any]:
    """Return the tail of an answer to INFER."""
    result: list[Any] | None = None
    if isinstance(answer.result, Classification):
        result = [CLASSIFIED, answer.result.label, answer.result.score, list(answer.result.scores)]
    elif isinstance(answer.result, Detections):
        result = [DETECTED, *([one.label, one.score, *one.box] for one in answer.result.found)]
    elif isinstance(answer.result, Regression):
        result = [REGRESSED, *([name, value] for name, value in answer.result.values)]
    return [str(answer.health), result, answer.why, answer.picture_digest, answer.decode_us, answer.invoke_us]


def inferred_from_list(tail: list[Any]) -> Inferred:
    """Return the Inferred in the tail of an answer to INFER."""
    health, result, why, digest, decode_us, invoke_us = tail
    return Inferred(Health(health), _result(result), why, digest, decode_us, invoke_us)


def _result(plain: list[Any] | None) -> Result | None:
    if plain is None:
        return None
    kind, *rows = plain
    if kind == CLASSIFIED:
        label, score, scores = rows
        return Classification(label, score, tuple(scores))
    if kind == DETECTED:
        return Detections(tuple(Detection(label, score, (a, b, c, d)) for label, score, a, b, c, d in rows))
    return Regression(tuple((name, value) for name, value in rows))
