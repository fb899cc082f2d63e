"""Where modes stand: a preallocated file with two places that are written in turn, so that a full disk keeps nobody
from changing a mode, and a power cut leaves the old ones or the new ones.

    place 0, place 1: length u32 | crc-32 u32 | number u64 | msgpack map, big endian; the higher number counts

One that cannot be read is passed over. Where neither can be, nobody knows what was in force.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgpack

from ripieno.contracts.ports import AppendFile
from ripieno.errors import StorageError

PLACE_BYTES: Final = 262_144
FILE_BYTES: Final = 2 * PLACE_BYTES
_HEAD: Final = struct.Struct(">IIQ")


class ModeFile:
    """The file. `kept`: what it said when it was opened, None where it is damaged."""

    def __init__(self, file: AppendFile) -> None:
        self._file, self._writing = file, asyncio.Lock()
        self.kept, self._number = _read(file.read())

    async def write(self, now: Callable[[], Mapping[str, Any]]) -> None:
        """Write what is in force when its turn has come; returns when that would survive a power cut.

        Raises:
            StorageError: the disk refused, or it is too much.
        """
        async with self._writing:  # one at a time: two under way might tear both places
            body = msgpack.packb(now(), use_bin_type=True)
            if len(body) > PLACE_BYTES - _HEAD.size:
                raise StorageError(f"{len(body)} bytes of modes are more than their file holds")
            number = self._number + 1
            head = _HEAD.pack(len(body), zlib.crc32(body), number)
            await self._file.write([(number % 2 * PLACE_BYTES, head + body)])
            self._number = number

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _read(found: bytes) -> tuple[dict[str, Any] | None, int]:
    places = [found[at : at + PLACE_BYTES] for at in (0, PLACE_BYTES)]
    whole = [one for one in map(_place, places) if one is not None]
    if not whole:
        return None, 0
    number, kept = max(whole, key=lambda one: one[0])
    return kept, number


def _place(found: bytes) -> tuple[int, dict[str, Any]] | None:
    """Return the number and what stands there; a place that was never written holds nothing, under number 0."""
    if not any(found):
        return 0, {}
    length, crc, number = _HEAD.unpack_from(found)
    body = found[_HEAD.size : _HEAD.size + length]
    if len(body) != length or zlib.crc32(body) != crc:
        return None
    try:
        kept = msgpack.unpackb(body, raw=False)
    except (ValueError, msgpack.UnpackException):
        return None
    return (number, kept) if isinstance(kept, dict) else None
