"""How a picture lies in shared memory: a capture process writes it, a worker reads it, the control process never looks.

    slot at `offset` (a multiple of 4096):  u64 stamp | u32 width | u32 height | zeros to 64 bytes | pixels

Pixels are BGR, 8 bits, row by row without padding. The stamp is never the same twice; it is 0 while the pixels are
being written. A reader compares it before and after: another stamp means that the picture was overwritten meanwhile.
Bytes and text here, no memory.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

HEADER: Final = struct.Struct("<QII")
HEADER_BYTES: Final = 64
PAGE_BYTES: Final = 4096
CHANNELS: Final = 3
SCHEME: Final = "pixels:"
_REF = re.compile(r"pixels:(/[^#]{1,200}#[0-9]{1,20}):([0-9]{1,15}):([0-9]{1,20}):([0-9]{1,5})x([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class SlotRef:
    """Where a picture lies. `memory`: `SharedMemory.ref`, a path, `#` and the number of the file behind it."""

    memory: str
    offset: int
    stamp: int
    width_px: int
    height_px: int

    def __str__(self) -> str:
        return f"{SCHEME}{self.memory}:{self.offset}:{self.stamp}:{self.width_px}x{self.height_px}"

    @property
    def picture_bytes(self) -> int:
        """Size of the pixels."""
        return self.width_px * self.height_px * CHANNELS


def is_slot(ref: str) -> bool:
    """Whether a frame's ref names a slot of shared memory."""
    return ref.startswith(SCHEME)


def parse_slot(ref: str) -> SlotRef:
    """Return what `str(SlotRef)` gave.

    Raises:
        ValueError: it is none.
    """
    match = _REF.fullmatch(ref)
    if match is None:
        raise ValueError(f"not a picture in shared memory: {ref[:80]!r}")
    memory, *numbers = match.groups()
    return SlotRef(memory, *map(int, numbers))


def slot_bytes(width_px: int, height_px: int) -> int:
    """Return the size of a slot for such pictures, with its header, in whole pages."""
    size = HEADER_BYTES + width_px * height_px * CHANNELS
    return -(-size // PAGE_BYTES) * PAGE_BYTES
