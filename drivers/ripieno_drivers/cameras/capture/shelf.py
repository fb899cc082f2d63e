"""The slots of one camera in shared memory: which are free, and a picture put into one (layout: contracts/slots.py)."""

from __future__ import annotations

import mmap
import os
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ripieno.contracts.slots import CHANNELS, HEADER, HEADER_BYTES, slot_bytes

STAMP_BITS: Final = 32


class Put(NamedTuple):
    """Where a picture lies now."""

    offset: int
    stamp: int


class Shelf:
    """So many slots for pictures of one size; another size makes all of them anew.

    Args:
        fd: of a file that may grow and never shrinks.
        first: where the stamps of this process begin: no other process has used a stamp from there on.
    """

    def __init__(self, fd: int, room: int, first: int) -> None:
        self._fd, self._room, self._stamp = fd, room, first << STAMP_BITS
        self._map: mmap.mmap | None = None
        self._size = (0, 0)
        self._free: list[int] = []
        self._used: dict[int, int] = {}

    @property
    def used(self) -> int:
        """How many slots hold a picture that somebody may need."""
        return len(self._used)

    def put(self, picture: NDArray[np.uint8]) -> Put | None:
        """Write a picture of shape (height, width, 3) into a free slot; None: there is none."""
        height, width = picture.shape[:2]
        if (width, height) != self._size:
            self._lay_out(width, height)
        if not self._free or self._map is None:
            return None
        offset = self._free.pop()
        self._stamp += 1
        HEADER.pack_into(self._map, offset, 0, width, height)
        place = np.frombuffer(self._map, np.uint8, picture.size, offset + HEADER_BYTES)
        np.copyto(place.reshape(height, width, CHANNELS), picture)
        HEADER.pack_into(self._map, offset, self._stamp, width, height)
        self._used[offset] = self._stamp
        return Put(offset, self._stamp)

    def free(self, offset: int, stamp: int) -> None:
        """Take a slot back; one that was given out anew meanwhile stays."""
        if self._used.get(offset) == stamp:
            del self._used[offset]
            self._free.append(offset)

    def _lay_out(self, width: int, height: int) -> None:
        each = slot_bytes(width, height)
        size = max(each * self._room, os.fstat(self._fd).st_size)
        os.ftruncate(self._fd, size)
        self._map = mmap.mmap(self._fd, size)
        self._size = (width, height)
        self._free = [each * index for index in reversed(range(self._room))]
        self._used.clear()
