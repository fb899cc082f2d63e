"""What head and tail of an encoded picture tell before it is decoded: its kind, its size, and whether it is whole.

A decoder allocates what the header claims, and what it makes of half a picture differs with its version and its call
(OpenCV 4.11 and 5.0: `imdecode` refuses half a JPEG, `imread` fills the rest with grey), so both are asked here first.
JPEG (ITU T.81 annex B), PNG (ISO 15948 section 5), BMP, WebP (RIFF) and binary PNM are read; nothing else is.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ripieno.errors import PictureError

MAX_PIXELS: Final = 50_000_000
KINDS: Final = "JPEG, PNG, BMP, WebP, PGM or PPM"
_SIZELESS: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # TEM, RSTn, SOI: markers without a length
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOFn without DHT, JPG, DAC


class Header(NamedTuple):
    """Kind and size of an encoded picture."""

    kind: str
    width_px: int
    height_px: int


def read_header(encoded: bytes) -> Header:
    """Return kind and size of a whole picture of at most MAX_PIXELS.

    Raises:
        PictureError: empty, of no known kind, truncated, or too large; the message is what a person reads.
    """
    if not encoded:
        raise PictureError("the file is empty (0 bytes)")
    if encoded[:3] == b"\xff\xd8\xff":
        header = _jpeg(encoded)
    elif encoded[:8] == b"\x89PNG\r\n\x1a\n":
        header = _png(encoded)
    elif encoded[:2] == b"BM":
        header = _bmp(encoded)
    elif encoded[:4] == b"RIFF" and encoded[8:12] == b"WEBP":
        header = _webp(encoded)
    elif encoded[:2] in (b"P5", b"P6"):
        header = _pnm(encoded)
    else:
        raise PictureError(f"not a picture: expected {KINDS}, the first bytes are {encoded[:8].hex(' ')}")
    if header.width_px < 1 or header.height_px < 1:
        raise PictureError(f"{header.kind} of {header.width_px} x {header.height_px} pixels: there is nothing in it")
    if header.width_px * header.height_px > MAX_PIXELS:
        raise PictureError(
            f"{header.kind} of {header.width_px} x {header.height_px} pixels: "
            f"more than {MAX_PIXELS // 1_000_000} megapixels are refused"
        )
    return header


def _truncated(kind: str, encoded: bytes) -> PictureError:
    return PictureError(f"{kind} is truncated: it ends after {len(encoded)} bytes")


def _jpeg(encoded: bytes) -> Header:
    at, header = 2, None
    while at + 4 <= len(encoded):
        if encoded[at] != 0xFF:
            raise PictureError(f"JPEG is damaged: expected a marker at byte {at}, found {encoded[at]:02x}")
        marker = encoded[at + 1]
        if marker == 0xFF or marker in _SIZELESS:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAMES and at + 9 <= len(encoded):
            header = Header(
                "JPEG", int.from_bytes(encoded[at + 7 : at + 9], "big"), int.from_bytes(encoded[at + 5 : at + 7], "big")
            )
        if marker == 0xDA:  # start of scan: inside a scan ff is followed by 00, so ff d9 is the end of the picture
            if header is None:
                raise PictureError("JPEG is damaged: its scan begins before its frame header")
            if encoded.rfind(b"\xff\xd9", at) < 0:
                raise _truncated("JPEG", encoded)
            return header
        length = int.from_bytes(encoded[at + 2 : at + 4], "big")
        if marker == 0xD9 or length < 2:
            raise PictureError(f"JPEG is damaged: marker {marker:02x} at byte {at} before any scan")
        at += 2 + length
    raise _truncated("JPEG", encoded)


def _png(encoded: bytes) -> Header:
    if len(encoded) < 33 or encoded[12:16] != b"IHDR":
        raise _truncated("PNG", encoded)
    header = Header("PNG", int.from_bytes(encoded[16:20], "big"), int.from_bytes(encoded[20:24], "big"))
    if header.width_px * header.height_px > MAX_PIXELS:
        return header  # refused by size: what a person should read first
    at = 8
    while at + 12 <= len(encoded):
        if encoded[at + 4 : at + 8] == b"IEND":
            return header
        at += 12 + int.from_bytes(encoded[at : at + 4], "big")
    raise _truncated("PNG", encoded)


def _bmp(encoded: bytes) -> Header:
    if len(encoded) < 30:
        raise _truncated("BMP", encoded)
    width = int.from_bytes(encoded[18:22], "little", signed=True)
    height = abs(int.from_bytes(encoded[22:26], "little", signed=True))
    bits, packed = int.from_bytes(encoded[28:30], "little"), int.from_bytes(encoded[30:34], "little")
    begin = int.from_bytes(encoded[10:14], "little")
    header = Header("BMP", width, height)
    if (
        width * height <= MAX_PIXELS
        and packed in (0, 3)
        and begin + (width * bits + 31) // 32 * 4 * height > len(encoded)
    ):
        raise _truncated("BMP", encoded)
    return header


def _webp(encoded: bytes) -> Header:
    if len(encoded) < 30 or int.from_bytes(encoded[4:8], "little") + 8 > len(encoded):
        raise _truncated("WebP", encoded)
    chunk = encoded[12:16]
    if chunk == b"VP8X":
        return Header(
            "WebP", int.from_bytes(encoded[24:27], "little") + 1, int.from_bytes(encoded[27:30], "little") + 1
        )
    if chunk == b"VP8L":
        packed = int.from_bytes(encoded[21:25], "little")
        return Header("WebP", (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 ":
        return Header(
            "WebP", int.from_bytes(encoded[26:28], "little") & 0x3FFF, int.from_bytes(encoded[28:30], "little") & 0x3FFF
        )
    raise PictureError("WebP is damaged: its first chunk is none of VP8, VP8L, VP8X")


def _pnm(encoded: bytes) -> Header:
    kind = "PGM" if encoded[1:2] == b"5" else "PPM"
    words: list[bytes] = []
    at, size = 2, min(len(encoded), 1024)
    while len(words) < 3:
        while at < size and encoded[at : at + 1].isspace():
            at += 1
        if encoded[at : at + 1] == b"#":
            at = encoded.find(b"\n", at, size)
            if at < 0:
                raise PictureError(f"{kind} is damaged: its header has no end")
            continue
        end = at
        while end < size and encoded[end : end + 1].isdigit():
            end += 1
        if end == at or end - at > 9:
            raise PictureError(f"{kind} is damaged: expected a number at byte {at}")
        words.append(encoded[at:end])
        at = end
    width, height, top = (int(word) for word in words)
    channels, depth = (1 if kind == "PGM" else 3), (2 if top > 255 else 1)
    if width * height <= MAX_PIXELS and at + 1 + width * height * channels * depth > len(encoded):
        raise _truncated(kind, encoded)
    return Header(kind, width, height)
