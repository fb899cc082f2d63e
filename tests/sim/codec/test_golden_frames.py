"""The codec speaks the golden frames, both ways."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from ripieno_sim.board import Channel, ChannelKind, config_crc
from ripieno_sim.codec import Act, Decoder, Frame, Message, Reading, Type, args_crc, cobs_decode, cobs_encode, encode
from ripieno_sim.codec import messages as layouts
from ripieno_sim.codec.frames import open_body

FOLDER = Path(__file__).parents[2] / "golden/link"
VECTORS: dict[str, Any] = json.loads((FOLDER / "vectors.json").read_text("utf-8"))
CLASSES = {"DONE": "Done", "STATUS": "Done", "SET": "SetValue"}


def message_of(entry: dict[str, Any]) -> Message | None:
    """Return the message that an entry describes by the document's names."""
    if entry["type"] in ("ACK", "NAK"):
        return None
    fields = {("position" if name == "count" else name): value for name, value in entry["fields"].items()}
    if "device_uid" in fields:
        fields["device_uid"] = bytes.fromhex(fields["device_uid"])
    if "readings" in fields:
        fields["readings"] = tuple(Reading(*pair) for pair in fields["readings"])
    message: Message = getattr(layouts, CLASSES.get(entry["type"], entry["type"].capitalize()))(**fields)
    return message


@pytest.mark.parametrize("entry", VECTORS["frames"], ids=lambda entry: entry["name"])
def test_a_golden_frame_is_written_and_read_byte_for_byte(entry: dict[str, Any]) -> None:
    kind, message, wire = Type[entry["type"]], message_of(entry), bytes.fromhex(entry["wire"])

    assert encode(kind, entry["seq"], entry["ack"], message, entry["token"]) == wire
    (body,) = Decoder().feed(wire)
    assert body is not None
    assert open_body(body, entry["token"]) == Frame(kind, entry["seq"], entry["ack"], message)


@pytest.mark.parametrize("entry", VECTORS["frames"], ids=lambda entry: entry["name"])
def test_a_golden_frame_is_nothing_under_another_token(entry: dict[str, Any]) -> None:
    (body,) = Decoder().feed(bytes.fromhex(entry["wire"]))

    assert body is not None
    assert open_body(body, entry["token"] ^ 0x80) is None


@pytest.mark.parametrize("entry", VECTORS["damaged"], ids=lambda entry: entry["name"])
def test_a_damaged_run_is_no_frame(entry: dict[str, Any]) -> None:
    (body,) = Decoder().feed(bytes.fromhex(entry["wire"]))

    assert body is None or open_body(body, entry["token"]) is None


@pytest.mark.parametrize("entry", VECTORS["cobs"])
def test_stuffing_has_the_golden_form(entry: dict[str, str]) -> None:
    body, stuffed = bytes.fromhex(entry["body"]), bytes.fromhex(entry["stuffed"])

    assert cobs_encode(body) == stuffed
    assert cobs_decode(stuffed) == body


def test_every_type_has_a_golden_frame() -> None:
    assert {entry["type"] for entry in VECTORS["frames"]} == {kind.name for kind in Type}


def test_digests_are_the_golden_ones() -> None:
    table = [
        Channel(number=n, kind=ChannelKind(kind), scale=scale, minimum=low, maximum=high, safe=safe, cap_ms=cap)
        for n, kind, scale, low, high, safe, cap in VECTORS["config_crc"]["table"]
    ]

    assert config_crc(table) == VECTORS["config_crc"]["crc"]
    assert args_crc(Act(**VECTORS["args_crc"]["fields"])) == VECTORS["args_crc"]["crc"]


def test_the_file_is_what_its_script_writes() -> None:
    script = runpy.run_path(str(FOLDER / "make_vectors.py"))

    assert json.loads(json.dumps(script["vectors"]())) == VECTORS
