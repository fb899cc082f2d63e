"""Ed25519 signatures (RFC 8032) checked by the OpenSSL that `ssl` has loaded already.

A device checks signatures and makes none. Measured on x86-64: importing `cryptography` for that adds 8 MB to a control
process that may have 48; its library holds an OpenSSL of its own beside the one that speaks TLS. Where Python carries
OpenSSL inside itself there is none to call, and `cryptography` is imported.
"""

from __future__ import annotations

import ctypes
import ssl
from collections.abc import Callable
from functools import cache
from typing import Final

NID_ED25519: Final = 1087  # openssl/obj_mac.h
Verify = Callable[[bytes, bytes, bytes], bool]


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether this key (32 bytes) made this signature (64 bytes) over exactly these bytes."""
    return _verify()(public, signature, message)


@cache
def _verify() -> Verify:
    """Return what checks: EVP_DigestVerify(3) of the libcrypto of this process, or `cryptography`."""
    return _of_libcrypto(f"libcrypto.so.{ssl.OPENSSL_VERSION_INFO[0]}") or _with_cryptography


def _of_libcrypto(name: str) -> Verify | None:
    try:
        library = ctypes.CDLL(name)
        new_key, new_context = library.EVP_PKEY_new_raw_public_key, library.EVP_MD_CTX_new
        begin, verify = library.EVP_DigestVerifyInit, library.EVP_DigestVerify
        free_key, free_context = library.EVP_PKEY_free, library.EVP_MD_CTX_free
        clear_errors = library.ERR_clear_error
    except (OSError, AttributeError):
        return None
    pointer, size, text = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
    new_key.argtypes, new_key.restype = [ctypes.c_int, pointer, text, size], pointer
    new_context.argtypes, new_context.restype = [], pointer
    begin.argtypes, begin.restype = [pointer, pointer, pointer, pointer, pointer], ctypes.c_int
    verify.argtypes, verify.restype = [pointer, text, size, text, size], ctypes.c_int
    for free in (free_key, free_context):
        free.argtypes, free.restype = [pointer], None
    clear_errors.argtypes, clear_errors.restype = [], None

    def check(public: bytes, signature: bytes, message: bytes) -> bool:
        key = new_key(NID_ED25519, None, public, len(public))
        context = new_context()
        try:
            if not key or not context or begin(context, None, None, None, key) != 1:
                return False
            return bool(verify(context, signature, len(signature), message, len(message)) == 1)  # 0 and below: no
        finally:
            free_context(context)
            free_key(key)
            clear_errors()  # what is left of a refusal must not be taken for an error of TLS on this thread

    return check


def _with_cryptography(public: bytes, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
