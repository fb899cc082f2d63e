"""The disk: databases and preallocated files, each with a thread of its own, durable when a call returns."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ripieno.contracts.ports import Transaction
from ripieno.errors import StorageError

from .sqlite import Connection, refused
from .sqlite_reader import Reader
from .thread import OwnThread

T = TypeVar("T")
BLOCK_BYTES = 4096  # allocated in one piece, a file is one folio of the page cache, and each record dirties all of it


class DiskStorage:
    """Files below `root` (made 0700 if absent; files are 0600)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def database(self, name: str) -> DiskDatabase:
        """Open lazily: the first call of the database says what is wrong with the file."""
        return DiskDatabase(self._root / name)

    def reader(self, path: str, within_s: float) -> DiskReader:
        """Open lazily, too."""
        return DiskReader(self._root / path, within_s)

    def append_file(self, name: str, size: int) -> DiskFile:
        """Open or create and allocate `size` bytes now.

        Raises:
            StorageError: no such space, or no right to it.
        """
        return DiskFile(self._root / name, size)


class DiskDatabase:
    """A SQLite database whose connection lives in one thread."""

    def __init__(self, path: Path) -> None:
        self._connection = Connection(path, durable=True)
        self._thread = OwnThread(f"sqlite {path.name}")

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction; return when it would survive a power cut."""
        return await self._thread.run(lambda: self._connection.write(work))

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on what is committed."""
        return await self._thread.run(lambda: self._connection.read(work))

    async def salvage(self, target: Path) -> bool:
        """Copy what the connection still sees of a database that lost its name; False: it has its name, or is closed.

        Raises:
            StorageError: it cannot be read any more, or there is no room.
        """
        return await self._thread.run(lambda: self._connection.salvage(target))

    async def close(self) -> None:
        """Finish what is queued, empty the WAL, end the thread."""
        await self._thread.run(self._connection.close)
        self._thread.stop()


class DiskReader:
    """A SQLite database of others, looked into in one thread."""

    def __init__(self, path: Path, within_s: float) -> None:
        self._reader = Reader(path, within_s)
        self._thread = OwnThread(f"sqlite reader {path.name}")

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on what is committed."""
        return await self._thread.run(lambda: self._reader.read(work))

    async def close(self) -> None:
        """Cut short what is under way, end the thread."""
        self._reader.hurry()
        await self._thread.run(self._reader.close)
        self._thread.stop()


class DiskFile:
    """A file of fixed size; pieces are written and synced in a thread of its own."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self._fd = open_allocated(path, size)
        self._thread = OwnThread(f"file {path.name}")

    def read(self) -> bytes:
        """Return the whole file; for the start, it blocks."""
        return os.pread(self._fd, self._size, 0)

    async def write(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        """Write the pieces, then one fdatasync for all of them."""
        check_pieces(self._path, self._size, pieces)
        await self._thread.run(lambda: self._write(pieces))

    def close(self) -> None:
        """Wait for what is queued, then close."""
        self._thread.stop()
        os.close(self._fd)

    def _write(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        try:
            for offset, piece in pieces:
                if os.pwrite(self._fd, piece, offset) != len(piece):
                    raise OSError("written only in part")
            os.fdatasync(self._fd)
        except OSError as error:
            raise refused(self._path, error) from error


def open_allocated(path: Path, size: int) -> int:
    """Return a descriptor of a file of at least `size` bytes that all have their place on the disk.

    Written with zeros, not only reserved: a reserved block costs the file system a journal commit at its first use.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
            present = os.fstat(fd).st_size
            if present < size:
                os.posix_fallocate(fd, 0, size)
                for offset in range(present, size, BLOCK_BYTES):
                    os.pwrite(fd, bytes(min(BLOCK_BYTES, size - offset)), offset)
                os.fsync(fd)
                folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(folder)  # the file's name must survive a power cut too
                finally:
                    os.close(folder)
        except BaseException:
            os.close(fd)
            raise
    except OSError as error:
        raise refused(path, error) from error
    return fd


def check_pieces(path: Path, size: int, pieces: Sequence[tuple[int, bytes]]) -> None:
    """Refuse a piece outside the file: it would grow and lose its promise."""
    for offset, piece in pieces:
        if offset < 0 or offset + len(piece) > size:
            raise StorageError(f"{path}: bytes {offset}..{offset + len(piece)} of a file of {size}")
