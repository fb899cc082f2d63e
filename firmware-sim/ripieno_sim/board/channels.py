"""The table of a board's output channels, and the digest by which a host knows that it is the expected one."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

__all__ = ["Channel", "ChannelKind", "config_crc"]

_ROW = Struct("<BBiiiiH")


class ChannelKind(IntEnum):
    """How a channel is driven: by ACT or by SET."""

    PULSE = 1
    SETPOINT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One output. Values are integers; `scale` of them make one unit."""

    number: int
    kind: ChannelKind
    scale: int
    minimum: int
    maximum: int
    safe: int
    cap_ms: int


def config_crc(table: Sequence[Channel]) -> int:
    """Return the CRC-32 over the table's rows, in order (docs/link-protocol.md, section 3)."""
    rows = (_ROW.pack(c.number, c.kind, c.scale, c.minimum, c.maximum, c.safe, c.cap_ms) for c in table)
    return zlib.crc32(b"".join(rows))
