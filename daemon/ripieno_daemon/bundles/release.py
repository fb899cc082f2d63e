"""A release: one bundle at one moment, named by the digest of its index; the index names every byte of every file.

    index = canonical msgpack {v: 1, name, version, counter, changes,
                               files: [[path, bytes, SHA-256 of each chunk of 32 kB, joined], ...]}   sorted by path

The index is what is signed, so files of two releases cannot be mixed. `counter` rises with every release of a name; a
device never goes back below the highest that it has confirmed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from ripieno.errors import BundleError
from ripieno.models.manifest import FILE_NAME as MANIFEST

from ..packed import BadPacked, pack, unpack

CHUNK_BYTES: Final = 32 * 1024
DIGEST_BYTES: Final = 32
MAX_INDEX_BYTES: Final = 1024 * 1024  # 1 GB of chunks
MAX_COUNTER: Final = 2**53  # what every JSON reader keeps
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One file: its size in bytes and the SHA-256 of each of its chunks, in order; an empty file has none."""

    path: str
    size: int
    chunks: tuple[bytes, ...]


@dataclass(frozen=True)
class Release:
    """What an index says.

    Attributes:
        counter: from 1 on.
        changes: share (0..1) of the golden inputs of what ran before that this release may decide in another way.
    """

    name: str
    version: str
    counter: int
    changes: float
    files: tuple[PackedFile, ...]

    @cached_property
    def index(self) -> bytes:
        """The exact bytes that are signed."""
        listed = [[one.path, one.size, b"".join(one.chunks)] for one in self.files]
        plain = {
            "v": VERSION,
            "name": self.name,
            "version": self.version,
            "counter": self.counter,
            "changes": self.changes,
            "files": listed,
        }
        try:
            return pack(plain, MAX_INDEX_BYTES)
        except BadPacked as error:
            raise BundleError(f"bundle {self.name} {self.version}: too large to be packed: {error}") from error

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the index, in hex: the release's name in every file and message."""
        return hashlib.sha256(self.index).hexdigest()

    @cached_property
    def chunks(self) -> Mapping[bytes, int]:
        """Each chunk once, with its size in bytes, in the order of the packed file."""
        return {chunk: size for chunk, _, _, size in self.places()}

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(one.size for one in self.files)

    def places(self) -> Iterator[tuple[bytes, str, int, int]]:
        """Yield (chunk, path, offset, bytes) for every place of every file."""
        for one in self.files:
            for number, chunk in enumerate(one.chunks):
                offset = number * CHUNK_BYTES
                yield chunk, one.path, offset, min(CHUNK_BYTES, one.size - offset)


def chunk_digests(content: bytes) -> tuple[bytes, ...]:
    """Return the SHA-256 of each chunk of a file."""
    view = memoryview(content)
    return tuple(hashlib.sha256(view[at : at + CHUNK_BYTES]).digest() for at in range(0, len(content), CHUNK_BYTES))


def parse_index(index: bytes) -> Release:
    """Return the release that these bytes describe.

    Raises:
        BundleError: not an index, or one that leads out of its folder; says what is wrong.
    """
    try:
        plain = unpack(index, MAX_INDEX_BYTES)
    except BadPacked as error:
        raise BundleError(f"not the index of a bundle: {error}") from error
    match plain:
        case {
            "v": 1,
            "name": str(name),
            "version": str(version),
            "counter": int(counter),
            "changes": float(changes),
            "files": list(listed),
        } if counter is not True and 1 <= counter <= MAX_COUNTER and 0 <= changes <= 1:
            release = Release(name, version, counter, changes, tuple(map(_file, listed)))
        case {"v": other} if other != VERSION:
            raise BundleError(f"the index of a bundle of format {other!r}; this release reads {VERSION}")
        case _:
            raise BundleError("not the index of a bundle: {v, name, version, counter, changes, files} is expected")
    paths = [one.path for one in release.files]
    if paths != sorted(set(paths)) or MANIFEST not in paths:
        raise BundleError(f"the index of a bundle names each path once, sorted, with {MANIFEST} among them")
    if release.index != index:
        raise BundleError("the index of a bundle is not in its canonical form")
    return release


def _file(plain: Any) -> PackedFile:
    match plain:
        case [str(path), int(size), bytes(joined)] if size >= 0 and not isinstance(size, bool):
            check_path(path)
            chunks = tuple(joined[at : at + DIGEST_BYTES] for at in range(0, len(joined), DIGEST_BYTES))
            if len(joined) % DIGEST_BYTES or len(chunks) != -(-size // CHUNK_BYTES):
                raise BundleError(
                    f"the index of a bundle: {path}: {size} bytes do not have {len(joined)} bytes of digests"
                )
            return PackedFile(path, size, chunks)
    raise BundleError("the index of a bundle: a file is not [path, bytes, digests]")


def check_path(path: str) -> None:
    """Refuse a path that would not stay inside its folder. Raises BundleError."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.startswith(".") for part in parts) or "\\" in path or "\0" in path:
        raise BundleError(f"the index of a bundle: the path {path[:80]!r} leads out of the bundle")
