"""The disk for virtual time: the same files and the same order, without threads and without syncing.

Work is done after a given latency of the Clock port, so that a simulated crash within it loses the write, as a real
one can.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ripieno.contracts.ports import Clock, Transaction

from .sqlite import Connection, refused
from .sqlite_reader import Reader
from .storage import check_pieces, open_allocated

T = TypeVar("T")
Latency = Callable[[str], float]


class InlineStorage:
    """Files below `root`. `latency(name)` gives the seconds that the next operation on that file takes."""

    def __init__(self, root: Path, clock: Clock, latency: Latency) -> None:
        self._root = root
        self._clock = clock
        self._latency = latency

    def database(self, name: str) -> InlineDatabase:
        """A database whose work runs on the loop."""
        return InlineDatabase(self._root / name, Turn(name, self._clock, self._latency))

    def reader(self, path: str, within_s: float) -> InlineReader:
        """A database of others that is looked into on the loop."""
        return InlineReader(self._root / path, Turn(path, self._clock, self._latency))

    def append_file(self, name: str, size: int) -> InlineFile:
        """A file of `size` bytes that is written on the loop."""
        return InlineFile(self._root / name, size, Turn(name, self._clock, self._latency))


class Turn:
    """Lets one operation on a file in at a time, in the order of the calls, each after its latency."""

    def __init__(self, name: str, clock: Clock, latency: Latency) -> None:
        self._name = name
        self._clock = clock
        self._latency = latency
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        await self._lock.acquire()
        try:
            await self._clock.sleep(self._latency(self._name))
        except BaseException:
            self._lock.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


class InlineDatabase:
    """SQLite on the loop, `synchronous=OFF`."""

    def __init__(self, path: Path, turn: Turn) -> None:
        self._connection = Connection(path, durable=False)
        self._turn = turn

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction after the latency."""
        async with self._turn:
            return self._connection.write(work)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on what is committed after the latency."""
        async with self._turn:
            return self._connection.read(work)

    async def close(self) -> None:
        """Close at once."""
        self._connection.close()


class InlineReader:
    """A SQLite database of others, on the loop; a locked one is not waited for, since nobody could unlock it."""

    def __init__(self, path: Path, turn: Turn) -> None:
        self._reader = Reader(path, 0.0, is_timed=False)
        self._turn = turn

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on what is committed after the latency."""
        async with self._turn:
            return self._reader.read(work)

    async def close(self) -> None:
        """Close at once."""
        self._reader.close()


class InlineFile:
    """A file of fixed size, written on the loop."""

    def __init__(self, path: Path, size: int, turn: Turn) -> None:
        self._path = path
        self._size = size
        self._turn = turn
        self._fd = open_allocated(path, size)

    def read(self) -> bytes:
        """Return the whole file."""
        return os.pread(self._fd, self._size, 0)

    async def write(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        """Write the pieces after the latency."""
        check_pieces(self._path, self._size, pieces)
        async with self._turn:
            try:
                for offset, piece in pieces:
                    os.pwrite(self._fd, piece, offset)
            except OSError as error:
                raise refused(self._path, error) from error

    def close(self) -> None:
        """Close at once."""
        os.close(self._fd)
