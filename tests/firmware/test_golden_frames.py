"""The firmware's codec speaks the golden frames byte for byte, and takes nothing else for one."""

import ctypes
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sim.codec.test_golden_frames import message_of

from ripieno_sim.board import config_crc
from ripieno_sim.codec import Type, cobs_decode, cobs_encode, pack
from ripieno_sim.firmware.library import library
from ripieno_sim.plant import CHANNELS

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden/link/vectors.json").read_text("utf-8"))


def sealed(kind: int, seq: int, ack: int, payload: bytes, token: int) -> bytes:
    """Return what the firmware writes."""
    room = ctypes.create_string_buffer(80)
    size = library().virtual_seal(kind, seq, ack, payload, len(payload), token, room)
    return room.raw[:size]


def opened(wire: bytes, token: int) -> bytes:
    """Return type, seq, ack and payload as the firmware reads them; nothing for what is no frame."""
    room = ctypes.create_string_buffer(80)
    size = library().virtual_open(wire, len(wire), token, room)
    return room.raw[:size]


def through(name: str, given: bytes) -> bytes:
    """Return what a function of the firmware makes of bytes."""
    room = ctypes.create_string_buffer(2 * len(given) + 8)
    size = getattr(library(), name)(given, len(given), room)
    return room.raw[:size]


@pytest.mark.parametrize("entry", VECTORS["frames"], ids=lambda entry: entry["name"])
def test_a_golden_frame_is_written_and_read_byte_for_byte(entry: dict[str, Any]) -> None:
    kind, wire, token = Type[entry["type"]], bytes.fromhex(entry["wire"]), entry["token"]
    payload = pack(kind, message_of(entry))

    assert sealed(kind, entry["seq"], entry["ack"], payload, token) == wire
    assert opened(wire, token) == bytes((kind, entry["seq"], entry["ack"])) + payload
    assert opened(wire, token ^ 0x80) == b""


@pytest.mark.parametrize("entry", VECTORS["damaged"], ids=lambda entry: entry["name"])
def test_a_damaged_run_is_no_frame(entry: dict[str, Any]) -> None:
    assert opened(bytes.fromhex(entry["wire"]), entry["token"]) == b""


@pytest.mark.parametrize("entry", VECTORS["cobs"])
def test_stuffing_has_the_golden_form(entry: dict[str, str]) -> None:
    body, stuffed = bytes.fromhex(entry["body"]), bytes.fromhex(entry["stuffed"])

    assert through("virtual_cobs_encode", body) == stuffed
    assert through("virtual_cobs_decode", stuffed) == body


@given(body=st.binary(min_size=1, max_size=71), run=st.binary(min_size=1, max_size=72))
def test_stuffing_agrees_with_the_other_implementation_on_good_and_on_bad_runs(body: bytes, run: bytes) -> None:
    assert through("virtual_cobs_encode", body) == cobs_encode(body)
    assert through("virtual_cobs_decode", run) == (cobs_decode(run) or b"")


@given(body=st.binary(max_size=71), seed=st.integers(0, 2**32 - 1))
def test_the_crc_is_that_of_zlib(body: bytes, seed: int) -> None:
    assert library().virtual_crc(body, len(body), seed) == zlib.crc32(body, seed)


def test_digests_are_the_golden_ones() -> None:
    fields = VECTORS["args_crc"]["fields"]
    payload = struct.pack(
        "<IBiIHHH", *(fields[n] for n in ("cmd_id", "target", "value", "at", "late", "hold_ms", "span"))
    )

    assert library().virtual_args_crc(payload) == VECTORS["args_crc"]["crc"]
    assert library().virtual_config_crc() == VECTORS["config_crc"]["crc"] == config_crc(CHANNELS)
