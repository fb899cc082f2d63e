"""Codec: bytes of the line in, frames out, and the way back (docs/link-protocol.md, sections 1 and 2).

In:    received bytes, split anywhere; messages to send.
Out:   Frame values, or None in place of a damaged one; wire bytes with their closing zero.
Never: I/O, time, an exception because of what the line brought, more memory than one frame.
Start: messages.py has the layouts, frames.py the envelope.
"""

from ripieno_sim.codec.cobs import cobs_decode, cobs_encode
from ripieno_sim.codec.frames import Decoder, Frame, encode, open_body
from ripieno_sim.codec.messages import (
    Act,
    Arm,
    Boot,
    Cancel,
    Cause,
    Done,
    Estop,
    Event,
    EventKind,
    Hello,
    Message,
    Ping,
    Pong,
    Query,
    Reading,
    Refusal,
    Sample,
    SetValue,
    State,
    Status,
    Trigger,
    Type,
    Welcome,
    args_crc,
    pack,
    unpack,
)

__all__ = [
    "Act",
    "Arm",
    "Boot",
    "Cancel",
    "Cause",
    "Decoder",
    "Done",
    "Estop",
    "Event",
    "EventKind",
    "Frame",
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
    "cobs_decode",
    "cobs_encode",
    "encode",
    "open_body",
    "pack",
    "unpack",
]
