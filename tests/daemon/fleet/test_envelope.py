"""The envelope is the same bytes for the same content, and reading one never does more than it is worth."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno_daemon.fleet import BadEnvelope, Envelope, Topics, decode, encode
from ripieno_daemon.fleet.topics import matches, parse_stream

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.dictionaries(st.text(max_size=5), VALUES, max_size=5)


def envelope(body: object) -> Envelope:
    return Envelope("batch", body, bytes(16), "dev1", 1, 2, 3)  # type: ignore[arg-type]


@given(body=BODIES)
def test_what_goes_in_comes_out_and_order_of_keys_means_nothing(body: dict[str, object]) -> None:
    packed = encode(envelope(body))

    assert decode(packed).body == body
    assert encode(envelope(dict(reversed(body.items())))) == packed


@given(noise=st.binary(max_size=200), at=st.integers(0, 200))
def test_noise_is_refused_with_a_reason(noise: bytes, at: int) -> None:
    good = bytearray(encode(envelope({"rows": [1, 2, 3]})))
    for packed in (noise, bytes(good[:at]) + noise + bytes(good[at:]), bytes(good[:at])):
        try:
            decode(packed)
        except BadEnvelope as error:
            assert error.reason


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (b"\x91" * 200_000 + b"\xc0", "format"),
        (b"\xdd\xff\xff\xff\xff", "format"),
        (msgpack.packb({"v": 2}), "version"),
        (msgpack.packb({"v": True}), "key"),
        (msgpack.packb(msgpack.ExtType(5, b"x")), "format"),
        (b"\x82\xa1v\x01\xa1v\x01", "key"),
        (b"x" * 300_000, "size"),
        (msgpack.packb({"v": 1, "x": [[0] * 19_000, [0] * 19_000]}), "elements"),
    ],
)
def test_hostile_messages_are_refused(packed: bytes, reason: str) -> None:
    with pytest.raises(BadEnvelope) as raised:
        decode(packed)

    assert raised.value.reason == reason


def test_unknown_keys_are_kept() -> None:
    content = msgpack.unpackb(encode(envelope({})))
    packed = msgpack.packb({**content, "trace": "abc"})

    assert decode(packed).extra == {"trace": "abc"}


@pytest.mark.parametrize("device", ["all", "grp", "a/b", "+", "#", "", "x" * 65, "é"])
def test_a_name_that_is_no_single_device_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match=r"should be|stands for many"):
        Topics("plant", device)


def test_a_stream_topic_tells_its_device() -> None:
    assert parse_stream(Topics("plant", "dev1").stream("results")) == ("dev1", "results")


@pytest.mark.parametrize(
    ("pattern", "topic", "covers"),
    [
        ("a/+/c", "a/b/c", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a/b/c", True),
        ("a/#", "a", True),
        ("#", "$SYS/x", False),
        ("a/b", "a", False),
        ("+/+", "a/b", True),
    ],
)
def test_wildcards_cover_what_mqtt_says(pattern: str, topic: str, covers: bool) -> None:
    assert matches(pattern, topic) is covers
