"""Pictures in shared memory, as a worker reads them: a port. One mapping is kept for each camera.

A path under /proc names a descriptor of the control process, which may be another file by now: the number of the file
is compared before it is mapped, and the stamp of the slot before and after the picture is read.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ripieno.contracts.slots import CHANNELS, HEADER, HEADER_BYTES, SlotRef

MOST_MAPPED: Final = 16  # cameras; of a seventeenth the oldest mapping goes


class MappedPictures:
    """The shared memories that this worker has mapped, by their refs."""

    def __init__(self) -> None:
        self._maps: dict[str, mmap.mmap] = {}

    def open(self, slot: SlotRef) -> tuple[NDArray[np.uint8], Callable[[], bool]]:
        """Return the pixels, shape (height, width, 3), as a view that must be let go soon; and what tells whether
        they are still those of the ref.

        Raises:
            OSError: the memory is gone, or another file stands in its place.
            ValueError: the slot does not hold this picture (any more).
        """
        end = slot.offset + HEADER_BYTES + slot.picture_bytes
        held = self._mapped(slot.memory, end)
        expected = (slot.stamp, slot.width_px, slot.height_px)

        def is_there() -> bool:
            return HEADER.unpack_from(held, slot.offset) == expected

        if not is_there():
            raise ValueError("the picture was overwritten before it was read")
        flat: NDArray[Any] = np.frombuffer(held, np.uint8, slot.picture_bytes, slot.offset + HEADER_BYTES)
        return flat.reshape(slot.height_px, slot.width_px, CHANNELS), is_there

    def _mapped(self, memory: str, end: int) -> mmap.mmap:
        held = self._maps.pop(memory, None)
        if held is None or len(held) < end:
            held = _map(memory)
            if len(held) < end:
                raise ValueError("the shared memory ends before the picture")
            while len(self._maps) >= MOST_MAPPED:
                del self._maps[next(iter(self._maps))]  # unmapped when the last view of it is gone
        self._maps[memory] = held
        return held


def _map(memory: str) -> mmap.mmap:
    path, _, number = memory.rpartition("#")
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if str(status.st_ino) != number:
            raise FileNotFoundError(2, "the shared memory is gone", path)
        if not status.st_size:
            raise ValueError("the shared memory is empty")
        return mmap.mmap(fd, status.st_size, mmap.MAP_SHARED, mmap.PROT_READ)
    finally:
        os.close(fd)
