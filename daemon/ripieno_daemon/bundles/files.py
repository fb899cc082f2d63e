"""The files of a bundle on disk: a port. What is written is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ripieno.errors import BundleError


def read_bytes(path: Path | str) -> bytes:
    """Return the content of a file. Raises OSError."""
    return Path(path).read_bytes()


def read_part(path: Path | str, offset: int, size: int) -> bytes:
    """Return at most `size` bytes of a file from `offset` on. Raises OSError."""
    with Path(path).open("rb") as file:
        file.seek(offset)
        return file.read(size)


def size_of(path: Path | str) -> int:
    """Return the bytes of a file. Raises OSError."""
    return Path(path).stat().st_size


def _refuse(error: OSError) -> None:
    """A folder that cannot be read now is no empty one."""
    raise BundleError(f"{error.filename}: {error.strerror}") from error


def walk(folder: Path) -> Iterator[str]:
    """Yield the path of every file below, relative, with `/`, sorted; without dotfiles and __pycache__.

    Raises:
        BundleError: no such folder, one that cannot be read, a link (its target may change unseen), or a name that is
            not UTF-8.
    """
    if not folder.is_dir():
        raise BundleError(
            f"{folder}: expected the folder of a bundle, found {'a file' if folder.exists() else 'nothing'}"
        )
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        for name in (*folders, *sorted(names)):
            path = Path(place, name)
            if name.startswith("."):
                continue
            if path.is_symlink():
                raise BundleError(f"{path}: is a link; a bundle holds plain files alone")
            try:
                name.encode()
            except UnicodeEncodeError as error:
                raise BundleError(f"{os.fsencode(path)!r}: the name is not UTF-8") from error
            if name in names:
                yield path.relative_to(folder).as_posix()


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file: after a power cut at any instant the old or the new content is there. Raises BundleError."""
    write_parts(path, (content,))


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """As `write_whole`, for content that comes in parts; an error while they are made leaves the old file."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except BaseException as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        if isinstance(error, OSError):
            raise BundleError(f"{path}: cannot be written: {error.strerror or error}") from error
        raise
