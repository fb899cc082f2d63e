"""What updates need of a disk, and the one way in which a small file is replaced there."""

from __future__ import annotations

import hashlib
from typing import Protocol


class Disk(Protocol):
    """See ports.update_disk.FolderDisk. Every call may be the last before a power cut."""

    def place(self, path: str) -> str: ...
    def read(self, path: str) -> bytes | None: ...
    def read_at(self, path: str, offset: int, size: int) -> bytes: ...
    def names(self, folder: str) -> list[str]: ...
    def is_folder(self, path: str) -> bool: ...
    def free_bytes(self) -> int: ...
    def make_folder(self, path: str) -> None: ...
    def write_at(self, path: str, offset: int, content: bytes) -> None: ...
    def sync(self, path: str) -> None: ...
    def sync_folder(self, path: str) -> None: ...
    def rename(self, path: str, to: str) -> None: ...
    def link(self, path: str, target: str) -> None: ...
    def target(self, path: str) -> str: ...
    def remove(self, path: str) -> None: ...


def make_durable_folder(disk: Disk, path: str) -> None:
    """Make a folder whose name, and those of the folders above it, survive a power cut."""
    parts = path.split("/")
    for count in range(1, len(parts) + 1):
        here = "/".join(parts[:count])
        if not disk.is_folder(here):
            disk.make_folder(here)
            disk.sync_folder("/".join(parts[: count - 1]) or ".")


def replace(disk: Disk, path: str, content: bytes) -> None:
    """Replace a file so that after a power cut at any instant the old or the new one is there.

    Content first, then the name, then the folder that has the name: a name that is durable before its content shows
    an empty file after a power cut.
    """
    folder = path.rpartition("/")[0] or "."
    draft = f"{path}.new"
    disk.remove(draft)  # one that a power cut left may be longer
    disk.write_at(draft, 0, content)
    disk.sync(draft)
    disk.rename(draft, path)
    disk.sync_folder(folder)


def checked(content: bytes) -> bytes:
    """Return content with its digest before it, for a file that must not be believed when it is damaged."""
    return hashlib.sha256(content).digest() + content


def unchecked(stored: bytes) -> bytes | None:
    """Return what `checked` was given, None where the bytes are damaged."""
    return stored[32:] if hashlib.sha256(stored[32:]).digest() == stored[:32] else None
