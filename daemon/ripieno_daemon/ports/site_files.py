"""Whole small files of a site: reports that others read, messages that others wrote, secrets of a person.

A file is written under a name that begins with a dot, synced, and then given its own: nobody sees half of one.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ripieno.contracts.ports import Clock
from ripieno.contracts.site import FileContent
from ripieno.errors import StorageError

from .inline import Latency, Turn
from .sqlite import refused
from .thread import OwnThread

FILE_MODE = 0o644  # reports are for others to read; the folder says who may
MOST_NUMBERS = 10_000


class DiskFiles:
    """Files, read and written in a thread of this object; a relative path counts from `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._thread = OwnThread("site files")

    async def create(self, path: str, content: bytes) -> bool:
        """See contracts.site.Files."""
        return await self._thread.run(lambda: create(self._root / path, content, is_durable=True))

    async def read(self, path: str, most: int) -> FileContent | None:
        """See contracts.site.Files."""
        return await self._thread.run(lambda: read(self._root / path, most))

    async def move(self, path: str, folder: str) -> str:
        """See contracts.site.Files."""
        return await self._thread.run(lambda: move(self._root / path, self._root / folder))

    async def remove(self, path: str) -> None:
        """See contracts.site.Files."""
        await self._thread.run(lambda: remove(self._root / path))


class InlineFiles:
    """The same for virtual time: on the loop, each after its latency, without syncing."""

    def __init__(self, root: Path, clock: Clock, latency: Latency) -> None:
        self._root = root
        self._turn = Turn("site files", clock, latency)

    async def create(self, path: str, content: bytes) -> bool:
        """See contracts.site.Files."""
        async with self._turn:
            return create(self._root / path, content, is_durable=False)

    async def read(self, path: str, most: int) -> FileContent | None:
        """See contracts.site.Files."""
        async with self._turn:
            return read(self._root / path, most)

    async def move(self, path: str, folder: str) -> str:
        """See contracts.site.Files."""
        async with self._turn:
            return move(self._root / path, self._root / folder)

    async def remove(self, path: str) -> None:
        """See contracts.site.Files."""
        async with self._turn:
            remove(self._root / path)


def create(path: Path, content: bytes, *, is_durable: bool) -> bool:
    """Make a file unless there is one. Raises StorageError."""
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_there = path.exists()
        if not is_there:
            _write(draft, content, is_durable)
            draft.rename(path)
        if is_durable:
            _sync_folder(path.parent)
    except OSError as error:
        try:
            draft.unlink()
        except OSError:
            pass  # it was never made
        raise refused(path, error) from error
    return not is_there


def read(path: Path, most: int) -> FileContent | None:
    """Return the beginning of a regular file, None where there is none. Raises StorageError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return None
        with os.fdopen(fd, "rb", buffering=0, closefd=False) as file:
            content = bytearray()
            while len(content) < most and (chunk := file.read(most - len(content))):
                content += chunk
        return FileContent(bytes(content), status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(fd)


def move(path: Path, folder: Path) -> str:
    """Move a file, never over another one. Raises StorageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(MOST_NUMBERS):
            name = f"{path.stem}.{number}{path.suffix}" if number else path.name
            if not (folder / name).exists():
                path.rename(folder / name)
                return name
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise refused(folder / path.name, error) from error
    raise StorageError(f"{folder}: holds {MOST_NUMBERS} files named like {path.name}; remove some")


def remove(path: Path) -> None:
    """Remove a file if it is there. Raises StorageError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise refused(path, error) from error


def _write(draft: Path, content: bytes, is_durable: bool) -> None:
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        if is_durable:
            os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _unreadable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path}: may not be read: {error.strerror or error}; let the daemon's user read it")
