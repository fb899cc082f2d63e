"""A backup is read once and compared with its manifest: each file that is missing, damaged or too much is named."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from ..ports.sqlite import refused
from .manifest import DIGEST, MANIFEST, MOST_BYTES, BadBackup, Entry, Manifest, parse

CHUNK: Final = 1 << 20


def check(path: Path, progress: Callable[[str], None] = lambda _: None) -> Manifest:
    """Return the manifest of a whole backup.

    Raises:
        BadBackup: it is damaged; the message names the first file that is.
        StorageError: it cannot be read.
    """
    try:
        return unpack(path, lambda entry: None, progress)
    except OSError as error:
        raise refused(path, error) from error


def unpack(
    path: Path, place_of: Callable[[Entry], Path | None], progress: Callable[[str], None] = lambda _: None
) -> Manifest:
    """Write each file to where `place_of` says (None: nowhere), make it durable, and return the manifest.

    Raises:
        BadBackup: it is damaged; what was written until then is a part of it.
        OSError: a file cannot be written.
    """
    with _opened(path) as tar:
        manifest = _manifest(path, tar)
        wanted = [entry for entry in manifest.entries if not entry.link]
        for number, entry in enumerate(wanted):
            progress(f"reading {number + 1} of {len(wanted)}: {entry.path}")
            content = _next(path, tar, entry.path)
            place = place_of(entry)
            if place is not None:
                place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _take(path, entry, content, place)
        if tar.next() is not None:
            raise BadBackup(f"{path}: holds more than its manifest says")
    return manifest


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise BadBackup(f"{path}: is no backup, or is cut short: {error}") from None
    except IsADirectoryError:
        raise BadBackup(f"{path}: is a folder, not a backup") from None
    except FileNotFoundError as error:
        if error.filename != str(path):
            raise
        raise BadBackup(f"{path}: there is no such file") from None


def _manifest(path: Path, tar: tarfile.TarFile) -> Manifest:
    content = _next(path, tar, MANIFEST).read(MOST_BYTES)
    digest = _next(path, tar, DIGEST).read(100)
    try:
        return parse(content, digest)
    except BadBackup as error:
        raise BadBackup(f"{path}: {error}") from None


def _next(path: Path, tar: tarfile.TarFile, name: str) -> IO[bytes]:
    info = tar.next()
    if info is None or info.name != name or not info.isreg():
        there = "the file ends" if info is None else f"{info.name!r} stands there"
        raise BadBackup(f"{path}: {name} is missing: {there}")
    content = tar.extractfile(info)
    assert content is not None
    return content


def _take(path: Path, entry: Entry, content: IO[bytes], place: Path | None) -> None:
    digest, size = hashlib.sha256(), 0
    file = None
    if place is not None:
        fd = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        file = os.fdopen(fd, "wb")
    try:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if file is not None:
                file.write(chunk)
        if file is not None:
            file.flush()
            os.fsync(file.fileno())
    finally:
        if file is not None:
            file.close()
    if size != entry.bytes or digest.hexdigest() != entry.sha256:
        raise BadBackup(f"{path}: {entry.path} is damaged: it is not what the manifest says")
