"""What each frame says: its fields in the order of the wire, little-endian (docs/link-protocol.md, section 2).

Messages are named tuples because the order of the fields *is* the layout. Where the document says *count*, which a
tuple has as a method, the field is called `position`.
"""

import zlib
from enum import IntEnum, IntFlag
from struct import Struct
from typing import NamedTuple

__all__ = [
    "RELIABLE",
    "Act",
    "Arm",
    "Boot",
    "Cancel",
    "Cause",
    "Done",
    "Estop",
    "Event",
    "EventKind",
    "Hello",
    "Message",
    "Ping",
    "Pong",
    "Query",
    "Reading",
    "Refusal",
    "Sample",
    "SetValue",
    "State",
    "Status",
    "Trigger",
    "Type",
    "Welcome",
    "args_crc",
    "pack",
    "unpack",
]


class Type(IntEnum):
    """The first byte of a frame."""

    HELLO = 0x01
    WELCOME = 0x02
    BOOT = 0x03
    ACK = 0x10
    NAK = 0x11
    PING = 0x12
    PONG = 0x13
    SAMPLE = 0x14
    ACT = 0x20
    DONE = 0x21
    QUERY = 0x22
    STATUS = 0x23
    ARM = 0x24
    EVENT = 0x25
    ESTOP = 0x26
    CANCEL = 0x27
    SET = 0x28


RELIABLE = frozenset({0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x27, 0x28})


class Status(IntEnum):
    """What became of a command."""

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


class EventKind(IntEnum):
    """What an EVENT reports."""

    RISING = 1
    FALLING = 2
    SAFE = 3
    ARMED = 4
    ESTOP = 5
    LAPSED = 6
    REFUSED = 7
    FAULT = 8


class Refusal(IntEnum):
    """Why a SET was not obeyed: the `number` of EVENT REFUSED."""

    NOT_ARMED = 1
    RANGE = 2
    NO_CHANNEL = 3
    KIND = 4
    LEASE = 5


class Trigger(IntEnum):
    """What an ACT waits for: bits 6-7 of `target`."""

    NOW = 0
    TIME = 1
    COUNT = 2


class Cause(IntEnum):
    """Why a board started."""

    UNKNOWN = 0
    POWER = 1
    PIN = 2
    SOFTWARE = 3
    WATCHDOG = 4
    BROWN_OUT = 5


class State(IntFlag):
    """The `state` field."""

    SAFE = 1
    ESTOP = 2
    POSITION_VALID = 4
    JOURNAL_SURVIVED = 8


class Hello(NamedTuple):
    proto: int
    reserved: int
    host_nonce: int


class Welcome(NamedTuple):
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
    position: int
    edges: int
    fw_id: int
    config_crc: int
    reset_cause: int
    window: int


class Boot(NamedTuple):
    boot_id: int
    cause: int


class Ping(NamedTuple):
    tag: int


class Pong(NamedTuple):
    tag: int
    now_us: int
    position: int
    state: int
    armed: int


class Reading(NamedTuple):
    """One channel's value at the end of a SAMPLE."""

    channel: int
    value: int


class Sample(NamedTuple):
    now_us: int
    position: int
    edges: int
    state: int
    armed: int
    inputs: int
    outputs: int
    readings: tuple[Reading, ...] = ()


class Act(NamedTuple):
    cmd_id: int
    target: int
    value: int
    at: int
    late: int
    hold_ms: int
    span: int


class Done(NamedTuple):
    """A DONE or a STATUS: they differ in the frame's type alone."""

    cmd_id: int
    status: int
    args_crc: int
    t_actual_us: int
    position: int


class Query(NamedTuple):
    cmd_id: int


class Arm(NamedTuple):
    mask: int


class Event(NamedTuple):
    kind: int
    source: int
    t_us: int
    position: int
    number: int
    value: int


class Estop(NamedTuple):
    reason: int


class Cancel(NamedTuple):
    cmd_id: int


class SetValue(NamedTuple):
    """A SET."""

    channel: int
    value: int
    lease_ms: int


Message = Hello | Welcome | Boot | Ping | Pong | Sample | Act | Done | Query | Arm | Event | Estop | Cancel | SetValue

_SAMPLE = Struct("<IiIHHHH")
_READING = Struct("<Bi")
_ARGS_FROM = 4  # an ACT's payload behind cmd_id
_PLAIN: dict[int, tuple[Struct, type[Message]]] = {
    Type.HELLO: (Struct("<BBI"), Hello),
    Type.WELCOME: (Struct("<BBHI12sIIIIIiIIIBB"), Welcome),
    Type.BOOT: (Struct("<IB"), Boot),
    Type.PING: (Struct("<I12x"), Ping),
    Type.PONG: (Struct("<IIiHH"), Pong),
    Type.ACT: (Struct("<IBiIHHH"), Act),
    Type.DONE: (Struct("<IBIIi"), Done),
    Type.QUERY: (Struct("<I"), Query),
    Type.STATUS: (Struct("<IBIIi"), Done),
    Type.ARM: (Struct("<H"), Arm),
    Type.EVENT: (Struct("<BBIiIi"), Event),
    Type.ESTOP: (Struct("<B"), Estop),
    Type.CANCEL: (Struct("<I"), Cancel),
    Type.SET: (Struct("<BiH"), SetValue),
}


def pack(kind: int, message: Message | None) -> bytes:
    """Return the payload of a frame of type `kind`; None for ACK and NAK, which have none.

    Raises:
        ValueError: the message is not one of that type, or has too many readings.
        struct.error: a field does not fit.
    """
    if message is None:
        if kind not in (Type.ACK, Type.NAK):
            raise ValueError(f"type {kind:#04x} needs a message")
        return b""
    if isinstance(message, Sample):
        if kind != Type.SAMPLE or len(message.readings) > 8:
            raise ValueError("a SAMPLE has at most 8 readings and its own type")
        return _SAMPLE.pack(*message[:7]) + b"".join(_READING.pack(*reading) for reading in message.readings)
    layout, expected = _PLAIN[kind]
    if type(message) is not expected:
        raise ValueError(f"type {kind:#04x} carries {expected.__name__}, got {type(message).__name__}")
    return layout.pack(*message)


def unpack(kind: int, payload: bytes) -> Message | None:
    """Return what a payload says; None for ACK, NAK, an unknown type or a wrong size (see `fits`)."""
    if kind == Type.SAMPLE:
        if not fits(kind, payload):
            return None
        readings = tuple(Reading(*pair) for pair in _READING.iter_unpack(payload[_SAMPLE.size :]))
        now_us, position, edges, state, armed, inputs, outputs = _SAMPLE.unpack_from(payload)
        return Sample(now_us, position, edges, state, armed, inputs, outputs, readings)
    plain = _PLAIN.get(kind)
    if plain is None or len(payload) != plain[0].size:
        return None
    return plain[1](*plain[0].unpack(payload))


def fits(kind: int, payload: bytes) -> bool:
    """Say whether a payload has the size that its type prescribes; an unknown type never fits."""
    size = len(payload)
    plain = _PLAIN.get(kind)
    if plain is not None:
        return size == plain[0].size
    if kind == Type.SAMPLE:
        return size in range(_SAMPLE.size, _SAMPLE.size + 8 * _READING.size + 1, _READING.size)
    return kind in (Type.ACK, Type.NAK) and size == 0


def args_crc(act: Act) -> int:
    """Return the digest of an ACT's arguments: CRC-32 (seed 0) of the 15 bytes behind cmd_id."""
    return zlib.crc32(pack(Type.ACT, act)[_ARGS_FROM:])
