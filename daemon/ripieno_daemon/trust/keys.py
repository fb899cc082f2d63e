"""Ed25519 keys (RFC 8032): the private one that signs, and the name of a public one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from ripieno.errors import RipienoError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
ID_LETTERS: Final = 16


class BadKey(RipienoError):
    """A file that is no Ed25519 private key in PEM."""


def key_id(public: bytes) -> str:
    """Return the name of a key: 16 hex letters of its SHA-256. It only finds the key; the signature decides."""
    return hashlib.sha256(public).hexdigest()[:ID_LETTERS]


class Signer:
    """A private key."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public: bytes = private.public_key().public_bytes_raw()
        self.id = key_id(self.public)

    @classmethod
    def new(cls) -> Signer:
        """Return a new key, from the operating system's randomness."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes, name: str = "key") -> Signer:
        """Return the key in a PEM file (PKCS 8, not encrypted).

        Raises:
            BadKey: it is none; `name` says which file.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            private = load_pem_private_key(pem, None)
        except (ValueError, TypeError) as error:
            raise BadKey(f"{name}: no private key in PEM without a password ({error})") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise BadKey(f"{name}: an Ed25519 key was expected, {type(private).__name__} came")
        return cls(private)

    def pem(self) -> bytes:
        """Return the private key as PKCS 8 in PEM."""
        from cryptography.hazmat.primitives import serialization

        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def sign(self, message: bytes) -> bytes:
        """Return the signature over these bytes, 64 bytes."""
        return self._private.sign(message)
