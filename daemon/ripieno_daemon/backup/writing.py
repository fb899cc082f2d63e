"""A backup is written beside its name, made durable, and then given it: killed at any instant, the old one or the new
one is there.

Databases are copied by SQLite under one read lock: a running daemon writes on meanwhile, and waits for nothing.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import BinaryIO, Final

from ripieno.errors import StorageError

from ..ports.sqlite import refused
from ..ports.sqlite_copy import copy_database
from .contents import Contents, Source
from .manifest import DIGEST, MANIFEST, Entry, Manifest

CHUNK: Final = 1 << 20


def write(target: Path, contents: Contents, now_s: int, progress: Callable[[str], None] = lambda _: None) -> Manifest:
    """Write a backup; return when it would survive a power cut.

    Raises:
        StorageError: a file cannot be read, or there is no room; what had the name before still has it.
    """
    target = target.absolute()
    draft, copies = target.with_name(f".{target.name}.part"), target.with_name(f".{target.name}.copies")
    try:
        shutil.rmtree(copies, ignore_errors=True)  # of one that was killed
        copies.mkdir(mode=0o700)
        try:
            manifest = _write(draft, copies, contents, now_s, progress)
            draft.replace(target)
            _sync_folder(target.parent)
        finally:
            shutil.rmtree(copies, ignore_errors=True)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise refused(Path(error.filename or target), error) from error
    except StorageError:
        draft.unlink(missing_ok=True)
        raise
    return manifest


def _write(draft: Path, copies: Path, contents: Contents, now_s: int, progress: Callable[[str], None]) -> Manifest:
    entries, places = [], []
    for number, source in enumerate(contents.sources):
        progress(f"copying {number + 1} of {len(contents.sources)}: {source.path}")
        place = copies / str(number)
        if source.link:
            entries.append(Entry(source.path, link=source.link))
        elif _copied(source, place):
            entries.append(Entry(source.path, place.stat().st_size, _digest(place)))
        else:
            continue
        places.append(place)
    manifest = Manifest(
        device=contents.device,
        made=now_s,
        release=metadata.version("ripieno"),
        keys=contents.keys,
        left_out=tuple(contents.left_out),
        entries=tuple(entries),
        device_file=contents.device_file,
    )
    packed = manifest.packed()
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
            _add(tar, MANIFEST, io.BytesIO(packed), len(packed), now_s)
            digest = hashlib.sha256(packed).hexdigest().encode() + b"\n"
            _add(tar, DIGEST, io.BytesIO(digest), len(digest), now_s)
            for entry, place in zip(entries, places, strict=True):
                if not entry.link:
                    with place.open("rb") as content:
                        _add(tar, entry.path, content, entry.bytes, now_s)
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _copied(source: Source, place: Path) -> bool:
    """Copy one file; False: it has gone meanwhile."""
    try:
        if source.is_database:
            copy_database(source.place, place)
        else:
            shutil.copyfile(source.place, place)
    except FileNotFoundError:
        return False
    return True


def _add(tar: tarfile.TarFile, path: str, content: BinaryIO, size: int, now_s: int) -> None:
    info = tarfile.TarInfo(path)
    info.size, info.mtime, info.mode = size, now_s, 0o600
    tar.addfile(info, content)


def _digest(place: Path) -> str:
    digest = hashlib.sha256()
    with place.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
