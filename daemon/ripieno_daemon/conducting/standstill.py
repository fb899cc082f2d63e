"""Standstill: outputs are held at their safe values until a person rearms them, over restarts too.

It stands in a preallocated file of its own, so that a full disk cannot keep a person from saying it. A file that was
torn by a power cut reads as held: the error that may be made is the safe one.
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from typing import Final

import msgpack

from ripieno.contracts.ports import AppendFile
from ripieno.errors import StorageError

FILE_BYTES: Final = 4096
LONGEST_TEXT: Final = 1000
_HEAD: Final = 8  # length and CRC-32, big endian


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds the outputs, why, and since when (UTC, ns)."""

    by: str
    why: str
    since_ns: int

    def __str__(self) -> str:
        return f"outputs are held safe by {self.by}" + (f": {self.why}" if self.why else "")

    def as_map(self) -> dict[str, object]:
        """Return it as JSON writes it."""
        return asdict(self)


class Standstill:
    """The file. `held` is what is in force now, whether or not the disk has it yet."""

    def __init__(self, file: AppendFile) -> None:
        self._file = file
        self.held = _read(file.read())

    def hold(self, held: Held) -> Awaitable[None]:
        """Hold from this moment on; what is returned ends when that would survive a power cut. Raises StorageError."""
        self.held = held
        return self._write(msgpack.packb(asdict(held), use_bin_type=True))

    def release(self) -> Awaitable[None]:
        """Let go from this moment on; what is returned ends when that would survive a power cut."""
        self.held = None
        return self._write(b"")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    async def _write(self, body: bytes) -> None:
        if len(body) > FILE_BYTES - _HEAD:
            raise StorageError(f"{len(body)} bytes are more than the standstill's file holds")
        head = len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big")
        await self._file.write([(0, head + body)])


def _read(found: bytes) -> Held | None:
    if not any(found):
        return None
    length, crc = int.from_bytes(found[:4], "big"), int.from_bytes(found[4:_HEAD], "big")
    body = found[_HEAD : _HEAD + length]
    if len(body) == length and zlib.crc32(body) == crc:
        return Held(**msgpack.unpackb(body)) if length else None
    return Held("the daemon", "the file that says whether outputs are held is damaged", 0)
