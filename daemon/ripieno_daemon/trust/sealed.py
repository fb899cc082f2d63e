"""Signed bytes: {p: the exact bytes, s: [{k: key id, s: signature}, ...]}.

What is signed is the pre-authentication encoding of DSSE (secure-systems-lab/dsse, protocol.md) over a type and the
bytes, so that a signature over one kind of thing is worth nothing over another:

    "DSSEv1" SP len(type) SP type SP len(p) SP p

The bytes are checked as they came and decoded only afterwards; nothing is ever packed again for a check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ripieno.errors import RipienoError

from .ed25519 import is_signed
from .keys import ID_LETTERS, SIGNATURE_BYTES, Signer

COMMAND: Final = "ripieno/cmd/v1"
DESIRED: Final = "ripieno/desired/v1"
POLICY: Final = "ripieno/policy/v1"
MAX_SIGNATURES: Final = 4


class BadSeal(RipienoError):
    """Not a signed thing, or not signed by who should have. `reason`: a short word for answers and counters."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Sealed:
    """Bytes and who claims to have signed them: key id -> signature."""

    payload: bytes
    signatures: Mapping[str, bytes]


def seal(kind: str, payload: bytes, keys: Sequence[Signer]) -> dict[str, Any]:
    """Return `payload` signed by each of `keys`, as a body for an envelope."""
    message = pre_authentication(kind, payload)
    return {"p": payload, "s": [{"k": key.id, "s": key.sign(message)} for key in keys]}


def parse_sealed(body: Mapping[str, Any]) -> Sealed:
    """Return what a body holds, not checked.

    Raises:
        BadSeal: it has not the form of a signed thing.
    """
    payload, listed = body.get("p"), body.get("s")
    if set(body) != {"p", "s"} or not isinstance(payload, bytes) or not isinstance(listed, list):
        raise BadSeal("unsigned", "a signed thing is {p: bytes, s: [signatures]}")
    if not 0 < len(listed) <= MAX_SIGNATURES:
        raise BadSeal("unsigned", f"{len(listed)} signatures; 1 to {MAX_SIGNATURES} are read")
    signatures: dict[str, bytes] = {}
    for each in listed:
        if not isinstance(each, dict) or set(each) != {"k", "s"}:
            raise BadSeal("unsigned", "a signature is {k: key id, s: bytes}")
        key, signature = each["k"], each["s"]
        if not isinstance(key, str) or len(key) != ID_LETTERS or key in signatures:
            raise BadSeal("unsigned", f"a key id is {ID_LETTERS} hex letters, each key once")
        if not isinstance(signature, bytes) or len(signature) != SIGNATURE_BYTES:
            raise BadSeal("unsigned", f"a signature is {SIGNATURE_BYTES} bytes")
        signatures[key] = signature
    return Sealed(payload, signatures)


def signers(kind: str, sealed: Sealed, publics: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the ids of the listed keys that signed; every signature of a listed key must be good.

    Raises:
        BadSeal: `unknown-key`: none of the keys is listed; `forged`: a listed key did not sign these bytes.
    """
    known = [key for key in sealed.signatures if key in publics]
    if not known:
        raise BadSeal("unknown-key", f"signed by {', '.join(sealed.signatures)}: the policy lists none of these")
    message = pre_authentication(kind, sealed.payload)
    for key in known:
        if not is_signed(publics[key], sealed.signatures[key], message):
            raise BadSeal("forged", f"the signature of key {key} does not fit these bytes")
    return tuple(known)


def pre_authentication(kind: str, payload: bytes) -> bytes:
    """Return the bytes that a signature is over."""
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)
