"""Small files of the process, replaced whole: after a power cut at any instant the old or the new one is there."""

from __future__ import annotations

import os
from pathlib import Path

from ripieno.errors import StorageError


class SmallFiles:
    """Files below one folder, which is made if absent (0700)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> bytes:
        """Return the content, b"" where there is no such file. Raises StorageError."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise StorageError(f"{self.folder / name}: cannot be read: {error.strerror or error}") from error

    def write(self, name: str, content: bytes) -> None:
        """Replace a file; return when it would survive a power cut. Raises StorageError."""
        path = self.folder / name
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            try:
                draft.unlink()
            except OSError:
                pass  # it was never made
            raise StorageError(f"{path}: cannot be written: {error.strerror or error}") from error

    def remove(self, name: str) -> None:
        """Remove a file if it is there. Raises StorageError."""
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{self.folder / name}: cannot be removed: {error.strerror or error}") from error
