"""Files of updates below one folder: small steps, each of which a power cut may follow.

Nothing here is durable by itself: `sync` makes a file's content so, `sync_folder` the names in a folder.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ripieno.errors import StorageError


class FolderDisk:
    """Paths are relative to `root`, with `/`; files 0600, folders 0700."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def place(self, path: str) -> str:
        """Return where a path is, for who opens it without this port."""
        return str(self.root / path)

    def read(self, path: str) -> bytes | None:
        """Return a file's content, None where there is none. Raises StorageError."""
        with self._named(path):
            try:
                return (self.root / path).read_bytes()
            except FileNotFoundError:
                return None

    def read_at(self, path: str, offset: int, size: int) -> bytes:
        """Return at most `size` bytes, b"" where there is no such file. Raises StorageError."""
        with self._named(path):
            try:
                with (self.root / path).open("rb") as file:
                    file.seek(offset)
                    return file.read(size)
            except FileNotFoundError:
                return b""

    def names(self, folder: str) -> list[str]:
        """Return what is in a folder, sorted; nothing where there is none. Raises StorageError."""
        with self._named(folder):
            try:
                return sorted(one.name for one in (self.root / folder).iterdir())
            except FileNotFoundError:
                return []

    def is_folder(self, path: str) -> bool:
        """Whether a folder of this name is there."""
        return (self.root / path).is_dir()

    def free_bytes(self) -> int:
        """Return the bytes that this process may still write. Raises StorageError."""
        with self._named(""):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = os.statvfs(self.root)
            return found.f_bavail * found.f_frsize

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it, where they are not there. Raises StorageError."""
        with self._named(path):
            (self.root / path).mkdir(mode=0o700, parents=True, exist_ok=True)

    def write_at(self, path: str, offset: int, content: bytes) -> None:
        """Write into a file, which is made where it is not there. Raises StorageError."""
        with self._named(path):
            fd = os.open(self.root / path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if os.pwrite(fd, content, offset) != len(content):
                    raise OSError("written only in part")
            finally:
                os.close(fd)

    def sync(self, path: str) -> None:
        """Return when the content of a file would survive a power cut. Raises StorageError."""
        with self._named(path):
            self._fsync(path, os.O_RDONLY)

    def sync_folder(self, path: str) -> None:
        """Return when the names in a folder would survive a power cut. Raises StorageError."""
        with self._named(path):
            self._fsync(path, os.O_RDONLY | os.O_DIRECTORY)

    def rename(self, path: str, to: str) -> None:
        """Move a file, link or folder; a file or link that has the name is replaced. Raises StorageError."""
        with self._named(to):
            (self.root / path).rename(self.root / to)

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link; `target` counts from its folder. Raises StorageError."""
        with self._named(path):
            (self.root / path).symlink_to(target)

    def target(self, path: str) -> str:
        """Return where a symbolic link leads, "" where there is none. Raises StorageError."""
        with self._named(path):
            try:
                return str((self.root / path).readlink())
            except FileNotFoundError:
                return ""

    def remove(self, path: str) -> None:
        """Remove a file, a link, or a folder with all that is in it, where it is there. Raises StorageError."""
        with self._named(path):
            place = self.root / path
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)

    def _fsync(self, path: str, flags: int) -> None:
        fd = os.open(self.root / path, flags | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    @contextmanager
    def _named(self, path: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(f"{self.root / path}: {error.strerror or error}") from error
