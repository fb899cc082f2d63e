"""Golden vectors that both ends share, and a decoder that nothing can hurt; docs/link-protocol.md sections 1, 2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cobs import cobs
from hypothesis import given
from hypothesis import strategies as st

from ripieno_drivers.link import codec, messages
from ripieno_drivers.link.messages import ActArgs, TriggerBits

VECTORS = json.loads((Path(__file__).parents[1] / "golden/link/vectors.json").read_text())
FRAMES: list[dict[str, Any]] = VECTORS["frames"]
TOKEN = 0xC0FFEE

frames = st.builds(
    codec.Frame, st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=codec.MAX_PAYLOAD)
)


def _args(fields: dict[str, int]) -> ActArgs:
    target, trigger = fields["target"] & 0x3F, TriggerBits(fields["target"] >> 6)
    rest = (fields[name] for name in ("value", "at", "late", "hold_ms", "span"))
    return ActArgs(target, trigger, *rest)


def _payload(type_: str, fields: dict[str, int]) -> bytes:
    """What our side builds for a frame of the host."""
    match type_:
        case "HELLO":
            return messages.hello(fields["host_nonce"])
        case "PING":
            return messages.ping(fields["tag"])
        case "ACT":
            return messages.act(fields["cmd_id"], _args(fields))
        case "QUERY" | "CANCEL":
            return messages.command(fields["cmd_id"])
        case "ARM":
            return messages.arm(fields["mask"])
        case "ESTOP":
            return messages.estop(fields["reason"])
        case "SET":
            return messages.setpoint(fields["channel"], fields["value"], fields["lease_ms"])
    assert type_ in ("ACK", "NAK")
    return b""


@pytest.mark.parametrize("vector", [v for v in FRAMES if v["direction"] == "host"], ids=lambda v: v["name"])
def test_the_hosts_frames_are_built_byte_for_byte(vector: dict[str, Any]) -> None:
    payload = _payload(vector["type"], vector["fields"])

    wire = codec.encode(getattr(codec, vector["type"]), vector["seq"], vector["ack"], payload, vector["token"])
    assert wire.hex() == vector["wire"]


UNPACK = {
    "WELCOME": messages.unpack_welcome,
    "BOOT": messages.unpack_boot,
    "PONG": messages.unpack_pong,
    "SAMPLE": messages.unpack_sample,
    "DONE": messages.unpack_answer,
    "STATUS": messages.unpack_answer,
    "EVENT": messages.unpack_event,
}


@pytest.mark.parametrize("vector", [v for v in FRAMES if v["direction"] == "board"], ids=lambda v: v["name"])
def test_the_boards_frames_are_read_field_for_field(vector: dict[str, Any]) -> None:
    (body,) = codec.Decoder().feed(bytes.fromhex(vector["wire"]))
    assert body is not None
    frame = codec.open_body(body, vector["token"])
    assert frame is not None
    assert (frame.type, frame.seq, frame.ack) == (getattr(codec, vector["type"]), vector["seq"], vector["ack"])
    assert messages.fits(frame.type, frame.payload)
    if (unpack := UNPACK.get(vector["type"])) is None:
        assert frame.payload == bytes(vector["fields"].values())
        return
    message = unpack(frame.payload)
    for name, value in vector["fields"].items():
        if name == "readings":
            told: Any = [list(pair) for pair in message.channels]  # type: ignore[attr-defined]  # a Sample
            value = [list(pair.values()) if isinstance(pair, dict) else list(pair) for pair in value]
        else:
            told = getattr(message, name)
        assert (told.hex() if isinstance(told, bytes) else told) == value, name


@pytest.mark.parametrize("vector", VECTORS["damaged"], ids=lambda v: v["name"])
def test_damaged_frames_are_not_taken(vector: dict[str, Any]) -> None:
    for body in codec.Decoder().feed(bytes.fromhex(vector["wire"])):
        frame = codec.open_body(body, vector["token"]) if body is not None else None
        assert frame is None or not messages.fits(frame.type, frame.payload)


def test_the_digest_of_arguments_is_the_shared_one() -> None:
    assert _args(VECTORS["args_crc"]["fields"]).crc() == VECTORS["args_crc"]["crc"]


@given(sent=st.lists(frames), data=st.data())
def test_frames_survive_however_the_line_splits_them(sent: list[codec.Frame], data: st.DataObject) -> None:
    line = b"".join(b"\0" + codec.encode(*frame, TOKEN) for frame in sent)
    decoder, received = codec.Decoder(), []
    while line:
        cut = data.draw(st.integers(1, len(line)))
        received += decoder.feed(line[:cut])
        line = line[cut:]

    assert [codec.open_body(body, TOKEN) for body in received if body is not None] == sent
    assert len(received) == len(sent)


@given(chunks=st.lists(st.binary(max_size=300)))
def test_noise_never_raises_and_is_never_remembered_beyond_the_bound(chunks: list[bytes]) -> None:
    decoder = codec.Decoder()
    for chunk in chunks:
        for body in decoder.feed(chunk):
            assert body is None or codec.open_body(body, TOKEN) is None
        assert len(decoder._held) <= codec.MAX_RUN


@given(noise=st.binary(max_size=200), frame=frames)
def test_a_frame_behind_noise_and_a_zero_is_whole(noise: bytes, frame: codec.Frame) -> None:
    decoder = codec.Decoder()
    decoder.feed(noise + b"\0")

    (body,) = decoder.feed(codec.encode(*frame, TOKEN))
    assert body is not None
    assert codec.open_body(body, TOKEN) == frame


@given(frame=frames, other=st.integers(1, 0xFFFFFFFF))
def test_a_frame_of_another_session_never_passes(frame: codec.Frame, other: int) -> None:
    (body,) = codec.Decoder().feed(codec.encode(*frame, TOKEN))
    assert body is not None
    sessionless = frame.type in codec.SESSIONLESS

    assert (codec.open_body(body, other) == frame) == (sessionless or other == TOKEN)


def test_a_break_is_one_delimiter_and_no_error() -> None:
    assert codec.Decoder().feed(b"\0\0\0") == []


def test_an_overlong_run_is_thrown_away_up_to_the_next_zero() -> None:
    frame = codec.Frame(codec.ACK, 0, 3, b"")
    decoder = codec.Decoder()
    assert decoder.feed(b"\x01" * 73) == []
    body = decoder.feed(b"\x01" * 500 + b"\0" + codec.encode(*frame, TOKEN))

    assert body[0] is None
    assert body[1] is not None
    assert codec.open_body(body[1], TOKEN) == frame


@given(body=st.binary(min_size=codec.MIN_BODY, max_size=codec.MAX_BODY))
def test_our_cobs_is_that_of_the_package(body: bytes) -> None:
    """An implementation that is not ours, neither of this end nor of the board's."""
    stuffed = codec._stuff(body)

    assert stuffed == cobs.encode(body)
    assert codec._unstuff(stuffed) == body


@given(run=st.binary(min_size=1, max_size=codec.MAX_RUN).map(lambda run: run.replace(b"\0", b"\1")))
def test_a_run_that_is_no_cobs_is_refused_as_the_package_refuses_it(run: bytes) -> None:
    try:
        body = cobs.decode(run)
    except cobs.DecodeError:
        body = b""

    assert codec._unstuff(run) == (body if codec.MIN_BODY <= len(body) <= codec.MAX_BODY else None)
