"""Both ways to check a signature say the same of the vectors of RFC 8032, and of each bit that is turned in them."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno_daemon.trust import Signer
from ripieno_daemon.trust.ed25519 import Verify, _of_libcrypto, _with_cryptography

VECTORS = [  # RFC 8032, section 7.1: tests 1 to 3
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


def checks() -> list[Verify]:
    here = _of_libcrypto(f"libcrypto.so.{ssl.OPENSSL_VERSION_INFO[0]}")
    return [_with_cryptography] if here is None else [_with_cryptography, here]


@pytest.mark.parametrize("check", checks())
@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_standard_hold(check: Verify, public: str, message: str, signature: str) -> None:
    key, said, signed = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)

    assert check(key, signed, said)
    assert not check(key, signed, said + b"!")
    assert not check(key, signed[:-1], said)
    assert not check(key[:-1], signed, said)
    assert not check(b"", b"", b"")


@given(message=st.binary(max_size=300), bit=st.integers(0, 511))
def test_no_bit_of_a_signature_may_be_turned(message: bytes, bit: int) -> None:
    signer = Signer.new()
    signed = bytearray(signer.sign(message))
    good = bytes(signed)
    signed[bit // 8] ^= 1 << bit % 8

    for check in checks():
        assert check(signer.public, good, message)
        assert not check(signer.public, bytes(signed), message)


def test_a_library_that_is_not_there_is_not_called() -> None:
    assert _of_libcrypto("libcrypto.so.none") is None
