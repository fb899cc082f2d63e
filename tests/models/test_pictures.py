"""A picture is judged by its bytes before a decoder sees it."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno.errors import PictureError
from ripieno.models.pictures import read_header

KINDS = {".png": "PNG", ".jpg": "JPEG", ".bmp": "BMP", ".webp": "WebP", ".pgm": "PGM", ".ppm": "PPM"}


def encoded(ending: str, width: int = 37, height: int = 23) -> bytes:
    shape = (height, width) if ending == ".pgm" else (height, width, 3)
    picture = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    return cv2.imencode(ending, picture)[1].tobytes()


PICTURES = {ending: encoded(ending) for ending in KINDS}


@pytest.mark.parametrize("ending", KINDS)
def test_kind_and_size_are_read_without_decoding(ending: str) -> None:
    assert read_header(PICTURES[ending]) == (KINDS[ending], 37, 23)


@given(ending=st.sampled_from(sorted(KINDS)), data=st.data())
def test_every_truncation_is_refused(ending: str, data: st.DataObject) -> None:
    """What a decoder makes of half a picture differs with version and call; an answer about half a part is none."""
    whole = PICTURES[ending]
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(PictureError):
        read_header(whole[:cut])


def test_a_jpeg_padded_with_zeros_is_whole() -> None:
    assert read_header(PICTURES[".jpg"] + bytes(512)).kind == "JPEG"


def test_a_jpeg_whose_tail_was_lost_to_zeros_is_not() -> None:
    """A file that was preallocated when the power went: right length, no end."""
    whole = PICTURES[".jpg"]

    with pytest.raises(PictureError, match="JPEG is truncated"):
        read_header(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))


def test_a_header_that_claims_huge_dimensions_is_refused_before_anything_is_allocated() -> None:
    head = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))

    with pytest.raises(PictureError, match="PNG of 60000 x 60000 pixels: more than 50 megapixels are refused"):
        read_header(png)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (
            b"not a picture\n",
            "not a picture: expected JPEG, PNG, BMP, WebP, PGM or PPM, the first bytes are 6e 6f 74 20",
        ),
        (b"\xff\xd8\xff\xd9", "JPEG"),
        (b"P6 0 0 255\n", "there is nothing in it"),
    ],
)
def test_what_is_no_picture_is_named(content: bytes, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        read_header(content)


@given(
    head=st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"RIFFxxxxWEBP", b"P5", b"P6 "]),
    tail=st.binary(max_size=200),
)
def test_noise_gives_a_header_or_a_picture_error(head: bytes, tail: bytes) -> None:
    try:
        header = read_header(head + tail)
    except PictureError:
        return
    assert header.width_px >= 1 and header.height_px >= 1
