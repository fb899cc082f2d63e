"""Payloads of the frames, as values; docs/link-protocol.md section 2, all little-endian.

    HELLO   proto u8 | reserved u8 | host_nonce u32
    WELCOME proto u8 | ring u8 | state u16 | host_nonce u32 | device_uid 12 | boot_id u32 | token u32 | last_cmd_id
    u32
            | journal_epoch u32 | now_us u32 | count i32 | edges u32 | fw_id u32 | config_crc u32 | reset_cause u8
            | window u8
    PONG    tag u32 | now_us u32 | count i32 | state u16 | armed u16
    SAMPLE  now_us u32 | count i32 | edges u32 | state u16 | armed u16 | inputs u16 | outputs u16 | 0..8 x (channel
    u8, value i32)
    ACT     cmd_id u32 | target u8 | value i32 | at u32 | late u16 | hold_ms u16 | span u16
    DONE    cmd_id u32 | status u8 | args_crc u32 | t_actual_us u32 | count i32          (STATUS alike)
    EVENT   kind u8 | source u8 | t_us u32 | count i32 | number u32 | value i32

Each `unpack` takes a payload whose size `fits` has been asked about; a payload of another size is a damaged frame.
"""

from __future__ import annotations

import enum
import zlib
from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from . import codec

PROTO: Final = 1
SAFE_LATCHED, ESTOP_LATCHED, POSITION_VALID, JOURNAL_KEPT = 1, 2, 4, 8
"""Bits of `state`."""

_HELLO, _BOOT, _U8, _U16, _U32 = Struct("<BBI"), Struct("<IB"), Struct("<B"), Struct("<H"), Struct("<I")
_WELCOME, _PING, _PONG = Struct("<BBHI12sIIIIIiIIIBB"), Struct("<I12x"), Struct("<IIiHH")
_SAMPLE, _CHANNEL = Struct("<IiIHHHH"), Struct("<Bi")
_ACT_ID, _ACT_ARGS, _ANSWER, _EVENT, _SET = (
    Struct("<I"),
    Struct("<BiIHHH"),
    Struct("<IBIIi"),
    Struct("<BBIiIi"),
    Struct("<BiH"),
)

MAX_CHANNELS: Final = 8
PROTO_1_WELCOME_BYTES: Final = _WELCOME.size
_SIZES: Final = {
    codec.WELCOME: _WELCOME.size,
    codec.BOOT: _BOOT.size,
    codec.ACK: 0,
    codec.NAK: 0,
    codec.PONG: _PONG.size,
    codec.DONE: _ANSWER.size,
    codec.STATUS: _ANSWER.size,
    codec.EVENT: _EVENT.size,
    codec.ESTOP: 1,
    codec.HELLO: _HELLO.size,
    codec.PING: _PING.size,
    codec.ACT: _ACT_ID.size + _ACT_ARGS.size,
    codec.QUERY: _U32.size,
    codec.CANCEL: _U32.size,
    codec.ARM: _U16.size,
    codec.SET: _SET.size,
}


class Status(enum.IntEnum):
    """What the board knows of a command; section 2."""

    NONE = 0
    PENDING = 1
    DONE = 2
    LATE = 3
    SAFE = 4
    FULL = 5
    CANCELLED = 6
    IN_DOUBT = 7
    REFUSED = 8
    MISMATCH = 9
    FORGOTTEN = 10


class EventKind(enum.IntEnum):
    """What a board's EVENT says; section 2."""

    RISING = 1
    FALLING = 2
    SAFE = 3
    ARMED = 4
    ESTOP = 5
    LAPSED = 6
    REFUSED = 7
    FAULT = 8


class TriggerBits(enum.IntEnum):
    """Bits 6-7 of an ACT's target."""

    NOW = 0
    TIME = 1
    COUNT = 2


@dataclass(frozen=True, slots=True)
class Welcome:
    """The board's answer to HELLO."""

    proto: int
    ring: int
    state: int
    host_nonce: int
    device_uid: bytes
    boot_id: int
    token: int
    last_cmd_id: int
    journal_epoch: int
    now_us: int
    count: int
    edges: int
    fw_id: int
    config_crc: int
    reset_cause: int
    window: int


@dataclass(frozen=True, slots=True)
class Boot:
    boot_id: int
    cause: int


@dataclass(frozen=True, slots=True)
class Pong:
    tag: int
    now_us: int
    count: int
    state: int
    armed: int


@dataclass(frozen=True, slots=True)
class Sample:
    """`channels`: (channel, value) of analogue channels, at most 8."""

    now_us: int
    count: int
    edges: int
    state: int
    armed: int
    inputs: int
    outputs: int
    channels: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """DONE or STATUS. `status` is a number that `Status` may not know (a newer board): then nothing is concluded."""

    cmd_id: int
    status: int
    args_crc: int
    t_actual_us: int
    count: int


@dataclass(frozen=True, slots=True)
class BoardEvent:
    kind: int
    source: int
    t_us: int
    count: int
    number: int
    value: int


class ActArgs(NamedTuple):
    """What an ACT asks for, behind its id. `at`: u32 (board us, or the bits of a count); `late`, `hold_ms`,
    `span`: u16.
    """

    channel: int
    trigger: TriggerBits
    value: int
    at: int
    late: int
    hold_ms: int
    span: int

    def pack(self) -> bytes:
        """Return the 15 bytes that `args_crc` is taken over."""
        target = self.channel | self.trigger << 6
        return _ACT_ARGS.pack(target, self.value, self.at, self.late, self.hold_ms, self.span)

    def crc(self) -> int:
        return zlib.crc32(self.pack())


def fits(type_: int, payload: bytes) -> bool:
    """Return whether there is such a type and the payload has its size; if not, the frame is damaged."""
    if type_ == codec.SAMPLE:
        values, rest = divmod(len(payload) - _SAMPLE.size, _CHANNEL.size)
        return rest == 0 and 0 <= values <= MAX_CHANNELS
    return _SIZES.get(type_) == len(payload)


def hello(nonce: int) -> bytes:
    return _HELLO.pack(PROTO, 0, nonce)


def ping(tag: int) -> bytes:
    """As long as PONG, so that both wire times are equal."""
    return _PING.pack(tag)


def act(cmd_id: int, args: ActArgs) -> bytes:
    return _ACT_ID.pack(cmd_id) + args.pack()


def command(cmd_id: int) -> bytes:
    """QUERY and CANCEL."""
    return _U32.pack(cmd_id)


def arm(mask: int) -> bytes:
    return _U16.pack(mask)


def setpoint(channel: int, value: int, lease_ms: int) -> bytes:
    return _SET.pack(channel, value, lease_ms)


def estop(reason: int) -> bytes:
    return _U8.pack(reason)


def unpack_welcome(payload: bytes) -> Welcome:
    return Welcome(*_WELCOME.unpack(payload))


def unpack_boot(payload: bytes) -> Boot:
    return Boot(*_BOOT.unpack(payload))


def unpack_pong(payload: bytes) -> Pong:
    return Pong(*_PONG.unpack(payload))


def unpack_sample(payload: bytes) -> Sample:
    channels = tuple(_CHANNEL.iter_unpack(payload[_SAMPLE.size :]))
    fields = (*_SAMPLE.unpack_from(payload), channels)
    return Sample(*fields)


def unpack_answer(payload: bytes) -> Answer:
    return Answer(*_ANSWER.unpack(payload))


def unpack_event(payload: bytes) -> BoardEvent:
    return BoardEvent(*_EVENT.unpack(payload))
