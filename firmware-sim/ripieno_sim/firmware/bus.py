"""The plant bus: what a board and its machine say to each other on a second line (firmware-sim/firmware/README.md).

message on the wire = 00 COBS( kind u8 | body | crc32 of these u32 ) 00, numbers little-endian, times the board's

board to plant    'O' output    t u32, channel u8, value i32, cmd_id u32 (0: no ACT is the reason)
                  'T' time      tag u32, t u32: the answer to 'A'
                  'B' booted    t u32, cause u8: every output is at its safe value
plant to board    'A' ask       tag u32
                  'E' edge      t u32, input u8, level u8
                  'L' levels    levels u16: the answer to 'B'
                  'M' motion    t u32, count i32, fraction u32 (millionths of a count), speed u32 (counts/s)
                  'N' next      as 'M': the change of speed that comes next
                  'H' hang      ms u32: only firmware that is built for tests obeys
"""

import zlib
from struct import Struct
from typing import NamedTuple

from ripieno_sim.codec import cobs_decode, cobs_encode

__all__ = ["Ask", "Booted", "BusReader", "BusTime", "Edge", "Hang", "Levels", "Motion", "Next", "Output", "bus_wire"]

_CRC_BYTES = 4
_RUN_BYTES = 72


class Output(NamedTuple):
    t_us: int
    channel: int
    value: int
    cmd_id: int


class BusTime(NamedTuple):
    tag: int
    t_us: int


class Booted(NamedTuple):
    t_us: int
    cause: int


class Ask(NamedTuple):
    tag: int


class Edge(NamedTuple):
    t_us: int
    number: int
    level: int


class Levels(NamedTuple):
    levels: int


class Motion(NamedTuple):
    t_us: int
    position: int
    fraction: int
    speed: int


class Next(NamedTuple):
    t_us: int
    position: int
    fraction: int
    speed: int


class Hang(NamedTuple):
    ms: int


FromBoard = Output | BusTime | Booted
ToBoard = Ask | Edge | Levels | Motion | Next | Hang

_FROM_BOARD: dict[int, tuple[Struct, type[FromBoard]]] = {
    ord("O"): (Struct("<IBiI"), Output),
    ord("T"): (Struct("<II"), BusTime),
    ord("B"): (Struct("<IB"), Booted),
}
_TO_BOARD: dict[type[ToBoard], tuple[int, Struct]] = {
    Ask: (ord("A"), Struct("<I")),
    Edge: (ord("E"), Struct("<IBB")),
    Levels: (ord("L"), Struct("<H")),
    Motion: (ord("M"), Struct("<IiII")),
    Next: (ord("N"), Struct("<IiII")),
    Hang: (ord("H"), Struct("<I")),
}


def bus_wire(message: ToBoard) -> bytes:
    """Return the wire bytes of a message to the board."""
    kind, layout = _TO_BOARD[type(message)]
    body = bytes((kind,)) + layout.pack(*message)
    return b"\0" + cobs_encode(body + zlib.crc32(body).to_bytes(_CRC_BYTES, "little")) + b"\0"


class BusReader:
    """Cut the board's bytes into messages; what is none, such as one that a reset cut, is counted."""

    def __init__(self) -> None:
        self.damaged = 0
        self._rest = b""

    def feed(self, received: bytes) -> list[FromBoard]:
        """Return the messages that are whole now."""
        *runs, rest = (self._rest + received).split(b"\0")
        self._rest = rest[:_RUN_BYTES]
        messages = [_read(run) for run in runs if run]
        self.damaged += messages.count(None)
        return [message for message in messages if message is not None]


def _read(run: bytes) -> FromBoard | None:
    sealed = cobs_decode(run) or b""
    body = sealed[:-_CRC_BYTES]
    if not body or zlib.crc32(body).to_bytes(_CRC_BYTES, "little") != sealed[-_CRC_BYTES:]:
        return None
    layout, message = _FROM_BOARD.get(body[0], (None, None))
    if layout is None or message is None or layout.size != len(body) - 1:
        return None
    return message(*layout.unpack(body[1:]))
