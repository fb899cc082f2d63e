"""A desired document as it is signed: {v: 1, device, rev, values: {key: value}}. Always the whole of it, never a patch.

`rev` rises by one with each document; who writes one says which revision it saw, so that two people do not overwrite
each other (the console checks it; a device takes any that is higher than its own).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ripieno.errors import RipienoError

from ..packed import BadPacked, pack, unpack

MAX_BYTES: Final = 32 * 1024
MAX_REVISION: Final = 2**53
MAX_KEYS: Final = 500


class BadDocument(RipienoError):
    """Bytes that are no desired document. `reason`: a short word."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Desired:
    """A document. `digest` is over the signed bytes."""

    device: str
    rev: int
    values: Mapping[str, Any]
    digest: str = ""


def pack_desired(desired: Desired) -> bytes:
    """Return the bytes to sign.

    Raises:
        BadPacked: larger than 32 kB.
    """
    return pack({"v": 1, "device": desired.device, "rev": desired.rev, "values": desired.values}, MAX_BYTES)


def digest_of(desired: Desired) -> str:
    """Return the digest of a document that nobody has signed.

    Raises:
        BadDocument: too large.
    """
    try:
        return hashlib.sha256(pack_desired(desired)).hexdigest()
    except BadPacked as error:
        raise BadDocument(error.reason, f"too large a document: {error}") from None


def parse_desired(packed: bytes) -> Desired:
    """Return the document in bytes whose signature was good.

    Raises:
        BadDocument: they are none.
    """
    try:
        plain = unpack(packed, MAX_BYTES)
    except BadPacked as error:
        raise BadDocument(error.reason, f"the signed bytes are no document: {error}") from None
    match plain:
        case {"v": 1, "device": str(device), "rev": int(rev), "values": dict(values), **unknown} if not unknown:
            if type(rev) is int and 0 < rev < MAX_REVISION and len(values) <= MAX_KEYS:
                return Desired(device, rev, values, hashlib.sha256(packed).hexdigest())
    raise BadDocument("format", f"a document is {{v: 1, device, rev above 0, values: at most {MAX_KEYS}}}")
