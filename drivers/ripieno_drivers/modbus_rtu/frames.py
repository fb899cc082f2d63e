"""Modbus RTU frames: requests out, replies in; without I/O.

    unit u8 | function u8 | data | CRC-16, low byte first        (SL 2.5.1, 6.2.2)

Numbers are big-endian (AP 4.2). A reply has the request's unit and function; with bit 7 set it is an exception (AP 7).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT = 1, 2, 3, 4
WRITE_COIL, WRITE_REGISTER, WRITE_REGISTERS = 5, 6, 16
ON: Final = 0xFF00
LONGEST: Final = 256
"""Bytes of a frame (SL 2.5.1)."""
MAX_REGISTERS: Final = 125
EXCEPTIONS: Final = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge: still working",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not respond",
}
UNCERTAIN: Final = frozenset({4, 5, 10, 11})
"""Exceptions after which the act may have happened all the same."""


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ 0xA001 if byte & 1 else byte >> 1
        table.append(byte)
    return tuple(table)


_CRC: Final = _table()


def crc16(body: bytes) -> int:
    """Return the CRC of SL 6.2.2: polynomial 0xA001 reflected, start 0xFFFF."""
    crc = 0xFFFF
    for byte in body:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


@dataclass(frozen=True, slots=True)
class Request:
    """A request and what its reply must look like. `data`: behind unit and function."""

    unit: int
    function: int
    data: bytes

    @property
    def wire(self) -> bytes:
        body = bytes((self.unit, self.function)) + self.data
        return body + struct.pack("<H", crc16(body))

    @property
    def reply_bytes(self) -> int:
        """How long a reply without exception is."""
        if self.function in (READ_COILS, READ_DISCRETE):
            return 5 + -(-self._count // 8)
        return 5 + 2 * self._count if self.function in (READ_HOLDING, READ_INPUT) else 8

    @property
    def _count(self) -> int:
        return int.from_bytes(self.data[2:4], "big")

    def fits(self, body: bytes) -> bool:
        """Whether a frame without CRC, of the right length, answers this request."""
        if self.function in (WRITE_COIL, WRITE_REGISTER, WRITE_REGISTERS):
            return body[2:] == self.data[:4]  # the echo (AP 6.5, 6.6); start and quantity (AP 6.12)
        return body[2] == self.reply_bytes - 5


@dataclass(frozen=True, slots=True)
class Reply:
    """`exception` 0: `data` is what was read (behind the byte count), or the echo."""

    data: bytes
    exception: int = 0


def read(unit: int, function: int, address: int, count: int) -> Request:
    """Ask for `count` coils or registers from `address` on."""
    return Request(unit, function, struct.pack(">HH", address, count))


def write_coil(unit: int, address: int, on: bool) -> Request:
    return Request(unit, WRITE_COIL, struct.pack(">HH", address, ON if on else 0))


def write_registers(unit: int, address: int, words: tuple[int, ...]) -> Request:
    """Write one (function 6) or several registers (function 16) in one request."""
    if len(words) == 1:
        return Request(unit, WRITE_REGISTER, struct.pack(">HH", address, words[0]))
    head = struct.pack(">HHB", address, len(words), 2 * len(words))
    return Request(unit, WRITE_REGISTERS, head + struct.pack(f">{len(words)}H", *words))


class Replies:
    """Finds the reply to one request in what the line brings; noise before and between is skipped.

    Frames are told by unit, function, length and CRC, not by silence: an operating system does not keep the 3.5
    characters (SL 2.5.1.1). Keeps at most two frames of bytes.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._received = b""

    @property
    def begins_with_echo(self) -> bool:
        """Whether an adapter gives us back what we send."""
        return self._received.startswith(self._request.wire)

    def drop_echo(self) -> None:
        self._received = self._received[len(self._request.wire) :]

    def feed(self, received: bytes) -> Reply | None:
        """Return the reply once it is whole."""
        self._received = (self._received + received)[-2 * LONGEST :]
        one = self._request
        for place in range(len(self._received) - 4):
            if self._received[place] != one.unit:
                continue
            function = self._received[place + 1]
            if function == one.function:
                body = self._whole(place, one.reply_bytes)
                if body is not None and one.fits(body):
                    return Reply(body[3:] if one.function <= READ_INPUT else body[2:])
            elif function == one.function | 0x80 and (body := self._whole(place, 5)) is not None:
                return Reply(b"", body[2])
        return None

    def _whole(self, place: int, length: int) -> bytes | None:
        frame = self._received[place : place + length]
        if len(frame) < length or crc16(frame[:-2]) != int.from_bytes(frame[-2:], "little"):
            return None
        return frame[:-2]
