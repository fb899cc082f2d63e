"""Payloads: whatever comes from outside gives bounded values or one sentence, never an exception of Python's."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno.values import Act, Booking
from ripieno_drivers.payloads import (
    ABSENT,
    BadPayload,
    booking_document,
    gather,
    header_value,
    is_a_pointer,
    look,
    parse_pointer,
    plain_name,
    read_document,
    to_json,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
RFC6901: dict[str, Any] = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("", RFC6901),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/foo/2", ABSENT),
        ("/foo/-", ABSENT),
        ("/foo/00", ABSENT),
        ("/foo/+1", ABSENT),
        ("/foo/٣", ABSENT),
        ("/foo/0/x", ABSENT),
        ("/nothing", ABSENT),
    ],
)
def test_pointers_find_what_the_standard_says(pointer: str, found: Any) -> None:
    """The examples of RFC 6901, section 5, and what its grammar leaves out."""
    assert look(RFC6901, parse_pointer(pointer)) == found


def test_what_is_no_pointer_is_refused() -> None:
    assert [text for text in ("foo", "/~2", "/a~", "~0", "/a/b", "", "/~01") if is_a_pointer(text)] == [
        "/a/b",
        "",
        "/~01",
    ]


@given(JSON)
def test_every_place_of_a_document_is_found_by_its_pointer(document: Any) -> None:
    def walk(node: Any, pointer: str) -> None:
        assert look(document, parse_pointer(pointer)) == node
        for key, inner in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
            walk(inner, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")

    walk(document, "")


@given(JSON)
def test_a_document_is_read_as_it_was_written(document: Any) -> None:
    assert read_document(json.dumps(document).encode(), 1 << 20) == document


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "it is not JSON: Expecting value at character 0"),
        (b"\xff", "it is not UTF-8 (byte 0)"),
        (b"{}}", "Extra data"),
        (b'{"a": 1, "a": 2}', "it says 'a' twice"),
        (b"-Infinity", "-Infinity is no JSON number"),
        (b"[" * 30_000, "nested too deeply"),
        (b"9" * 10_000, "not JSON that can be read"),
        (b"x" * 40_000, "it has 40000 bytes; at most 32000 are taken"),
        (b"\xef\xbb\xbf{}", "it is not JSON"),
    ],
)
def test_what_is_no_document_is_said(payload: bytes, why: str) -> None:
    with pytest.raises(BadPayload) as refused:
        read_document(payload, 32_000)
    assert why in str(refused.value)


@given(st.dictionaries(st.text(max_size=3), JSON | st.floats() | st.binary(max_size=4)))
def test_what_goes_further_can_be_recorded(given_fields: dict[str, Any]) -> None:
    fields, faults = gather(given_fields.items())

    for value in fields.values():
        assert isinstance(value, (str, bool, int, float))
        assert not isinstance(value, float) or math.isfinite(value)
        assert isinstance(value, (bool, float, str)) or -(2**63) <= value < 2**63
        str(value).encode()
    left_out = [value for name, value in given_fields.items() if name not in fields and value is not None]
    assert len(faults) == len(left_out)


def test_texts_are_bounded_one_by_one_and_together() -> None:
    fields, faults = gather([("long", "x" * 8_001), *((str(number), "y" * 8_000) for number in range(9))])

    assert list(fields) == [str(number) for number in range(8)]
    assert faults[0] == "long has 8001 characters; at most 8000 are taken"
    assert faults[1].startswith("8 does not fit")


@given(st.lists(st.text(max_size=300), unique=True, min_size=2, max_size=20))
def test_other_acts_have_other_names_and_no_name_is_dangerous(acts: list[str]) -> None:
    for named in (plain_name, header_value):
        names = [named(act) for act in acts]
        assert len(set(names)) == len(acts)
        for name in names:
            assert 0 < len(name) <= 182 and name.isascii() and name.isprintable() and name == name.strip()
    assert not any("/" in plain_name(act) or plain_name(act).startswith(".") for act in acts)
    assert plain_name("part-7-1/stock/0") == "part-7-1~2Fstock~2F0"
    assert header_value("part-7-1/stock/0") == "part-7-1/stock/0"


@given(st.dictionaries(st.text(), st.none() | st.floats() | st.text() | st.integers() | st.booleans()))
def test_a_booking_is_always_a_document_that_others_can_read(fields: dict[str, Any]) -> None:
    booking = Booking(Act("a\ud800b", "out", 0), "out", "do", tuple(fields.items()))
    read = json.loads(to_json(booking_document(booking)))

    assert read["act"] == "a\ud800b/out/0"
    for name, value in fields.items():
        expected = None if isinstance(value, float) and not math.isfinite(value) else value
        assert read["fields"][name] == expected
