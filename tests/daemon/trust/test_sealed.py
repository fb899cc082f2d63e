"""A signature is worth something over exactly these bytes, of exactly this kind, by exactly this key."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno_daemon.trust import BadSeal, Signer, key_id, parse_sealed, seal, signers
from ripieno_daemon.trust.ed25519 import is_signed
from ripieno_daemon.trust.keys import BadKey
from ripieno_daemon.trust.sealed import COMMAND, DESIRED, pre_authentication

ANNA, BEN = Signer.new(), Signer.new()
PUBLICS = {ANNA.id: ANNA.public, BEN.id: BEN.public}


def test_the_encoding_is_that_of_dsse() -> None:
    """The example of secure-systems-lab/dsse, protocol.md."""
    assert (
        pre_authentication("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_rfc_8032_vector_2_is_verified() -> None:
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )

    assert is_signed(public, signature, b"\x72") and not is_signed(public, signature, b"\x73")


@given(payload=st.binary(max_size=200), flip=st.integers(0, 10_000))
def test_one_changed_bit_in_bytes_or_signature_is_noticed(payload: bytes, flip: int) -> None:
    body = seal(COMMAND, payload, [ANNA])
    assert signers(COMMAND, parse_sealed(body), PUBLICS) == (ANNA.id,)

    signature = bytearray(body["s"][0]["s"])
    signature[flip // 8 % 64] ^= 1 << flip % 8
    changed = bytearray(payload + b"\0")
    changed[flip // 8 % len(changed)] ^= 1 << flip % 8
    for wrong in ({**body, "p": bytes(changed)}, {**body, "s": [{"k": ANNA.id, "s": bytes(signature)}]}):
        with pytest.raises(BadSeal) as raised:
            signers(COMMAND, parse_sealed(wrong), PUBLICS)
        assert raised.value.reason == "forged"


def test_a_signature_over_one_kind_of_thing_is_none_over_another() -> None:
    body = seal(DESIRED, b"the same bytes", [ANNA])

    with pytest.raises(BadSeal, match="does not fit"):
        signers(COMMAND, parse_sealed(body), PUBLICS)


def test_a_stranger_is_refused_and_beside_a_known_key_ignored() -> None:
    stranger = Signer.new()
    with pytest.raises(BadSeal) as raised:
        signers(COMMAND, parse_sealed(seal(COMMAND, b"x", [stranger])), PUBLICS)
    assert raised.value.reason == "unknown-key"

    assert signers(COMMAND, parse_sealed(seal(COMMAND, b"x", [stranger, BEN])), PUBLICS) == (BEN.id,)


GOOD = {"k": ANNA.id, "s": bytes(64)}
SHAPES: list[Callable[[], object]] = [
    dict,
    lambda: {"p": b"x"},
    lambda: {"p": "x", "s": [GOOD]},
    lambda: {"p": b"x", "s": []},
    lambda: {"p": b"x", "s": [GOOD] * 5},
    lambda: {"p": b"x", "s": [GOOD, GOOD]},
    lambda: {"p": b"x", "s": [{"k": ANNA.id, "s": bytes(63)}]},
    lambda: {"p": b"x", "s": [{"k": 1, "s": bytes(64)}]},
    lambda: {"p": b"x", "s": [{**GOOD, "alg": "none"}]},
    lambda: {"p": b"x", "s": [GOOD], "more": 1},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_has_not_the_form_of_a_signed_thing_is_refused(shape: Callable[[], dict[str, object]]) -> None:
    with pytest.raises(BadSeal) as raised:
        parse_sealed(shape())

    assert raised.value.reason == "unsigned"


def test_a_key_comes_back_from_its_file_and_another_file_is_named() -> None:
    assert Signer.from_pem(ANNA.pem()).id == ANNA.id == key_id(ANNA.public)
    with pytest.raises(BadKey, match=r"operator\.pem: no private key"):
        Signer.from_pem(b"-----BEGIN NOTHING-----", "operator.pem")
