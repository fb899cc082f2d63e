"""Releases on the disk: those that are whole, and the one that is arriving.

    bundles/NAME/releases/DIGEST/head, files/...      whole, durable, never changed
    bundles/NAME/incoming/DIGEST/head, files/...      chunks are written to their places as they come
    bundles/NAME/gone/                                on its way out

A release appears under `releases` by one rename, after all of its content is durable; so what is there is whole. What
is incoming is believed only as far as its chunks have their digests, so nothing needs to be durable while it arrives:
a kill loses the chunk being written, a power cut perhaps more, and both resume.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

from ripieno.errors import BundleError, RipienoError, StorageError

from ..bundles.packed_file import parse_head
from ..bundles.release import Release, parse_index
from .disk import Disk, make_durable_folder, replace

SPARE_BYTES: Final = 8 * 1024 * 1024  # the ledger needs room while a release arrives


class Store:
    """The releases of one bundle name. No call but `missing` and `finish` touches more than one chunk."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk = disk
        self.root = f"bundles/{name}"
        self._places: dict[bytes, list[tuple[str, int]]] = {}

    def folder(self, digest: str) -> str:
        """Return where the bundle of a whole release is, for who opens it."""
        return self._disk.place(f"{self.root}/releases/{digest}/files")

    def has(self, digest: str) -> bool:
        """Whether a release is here and whole."""
        return bool(digest) and self._disk.is_folder(f"{self.root}/releases/{digest}")

    def release(self, digest: str) -> Release:
        """Return a whole release. Raises BundleError: it is not here, or damaged."""
        return self._parsed(f"{self.root}/releases/{digest}/head", digest)

    def whole(self) -> list[str]:
        """Return the digests of all whole releases."""
        return self._disk.names(f"{self.root}/releases")

    def head(self, digest: str) -> bytes:
        """Return index and signatures of a release that is here, whole or incoming; b"" where it is not."""
        for state in ("releases", "incoming"):
            found = self._disk.read(f"{self.root}/{state}/{digest}/head")
            if found is not None:
                return found
        return b""

    def arriving(self) -> Release | None:
        """Return the release that was arriving when this device went down, if there is one."""
        for name in self._disk.names(f"{self.root}/incoming"):
            try:
                return self._parsed(f"{self.root}/incoming/{name}/head", name)
            except (BundleError, StorageError):
                continue  # its head never became durable: it begins anew
        return None

    def begin(self, head: bytes, release: Release) -> None:
        """Make place for a release; one that was arriving before it is given up.

        Raises:
            StorageError: there is not room for it and `SPARE_BYTES`, or the disk refuses.
        """
        for name in self._disk.names(f"{self.root}/incoming"):
            if name != release.digest:
                self._disk.remove(f"{self.root}/incoming/{name}")
        base = f"{self.root}/incoming/{release.digest}"
        if self._disk.read(f"{base}/head") == head:
            return
        free = self._disk.free_bytes()
        if free < release.size + SPARE_BYTES:
            raise StorageError(
                f"{self._disk.place(self.root)}: {release.size:,} bytes and {SPARE_BYTES:,} to spare are needed, "
                f"{free:,} are free; the active bundle is not touched"
            )
        for folder in _folders(release):
            make_durable_folder(self._disk, f"{base}/{folder}")
        replace(self._disk, f"{base}/head", head)

    def missing(self, release: Release) -> dict[bytes, int]:
        """Return the chunks that are still to come, with their bytes; takes those that other releases have.

        Reads everything that has come: not for the loop's thread.
        """
        have, others = self._arrived(release), self._elsewhere(release)
        missing: dict[bytes, int] = {}
        for chunk, size in release.chunks.items():
            if chunk in have:
                continue
            where = others.get(chunk)
            content = b"" if where is None else self._disk.read_at(where[0], where[1], size)
            if hashlib.sha256(content).digest() == chunk:
                self.put(release, chunk, content)
            else:
                missing[chunk] = size
        return missing

    def put(self, release: Release, chunk: bytes, content: bytes) -> None:
        """Write a chunk to every place that it has.

        Raises:
            BundleError: it is not what its digest says.
            StorageError: the disk refuses.
        """
        if hashlib.sha256(content).digest() != chunk:
            raise BundleError(f"chunk {chunk.hex()[:16]}... is damaged ({len(content)} bytes)")
        if not self._places:
            for digest, path, offset, _ in release.places():
                self._places.setdefault(digest, []).append((path, offset))
        for path, offset in self._places[chunk]:
            self._disk.write_at(f"{self.root}/incoming/{release.digest}/files/{path}", offset, content)

    def finish(self, release: Release) -> None:
        """Make a release that has all of its chunks durable, then give it its name.

        Raises:
            BundleError: chunks are missing.
            StorageError: the disk refuses; what has come stays.
        """
        base = f"{self.root}/incoming/{release.digest}"
        for one in release.files:
            if not one.size:
                self._disk.write_at(f"{base}/files/{one.path}", 0, b"")
        if missing := len(self.missing(release)):
            raise BundleError(f"{missing} chunks of {release.name} {release.version} are missing")
        for one in release.files:
            self._disk.sync(f"{base}/files/{one.path}")
        for folder in sorted(_folders(release), reverse=True):
            self._disk.sync_folder(f"{base}/{folder}")
        self._disk.sync_folder(base)
        make_durable_folder(self._disk, f"{self.root}/releases")
        self._disk.rename(base, f"{self.root}/releases/{release.digest}")
        self._disk.sync_folder(f"{self.root}/releases")
        self._disk.sync_folder(f"{self.root}/incoming")
        self._places = {}

    def keep_only(self, wanted: frozenset[str]) -> None:
        """Remove the whole releases that nobody names any more: by one rename, then for good."""
        self._disk.remove(f"{self.root}/gone")
        for digest in self._disk.names(f"{self.root}/releases"):
            if digest not in wanted:
                make_durable_folder(self._disk, f"{self.root}/gone")
                self._disk.rename(f"{self.root}/releases/{digest}", f"{self.root}/gone/{digest}")
                self._disk.sync_folder(f"{self.root}/gone")
                self._disk.sync_folder(f"{self.root}/releases")
        self._disk.remove(f"{self.root}/gone")

    def give_up(self, digest: str) -> None:
        """Forget a release that was arriving."""
        self._places = {}
        self._disk.remove(f"{self.root}/incoming/{digest}")

    def _arrived(self, release: Release) -> set[bytes]:
        base = f"{self.root}/incoming/{release.digest}/files"
        wrong: set[bytes] = set()
        for chunk, path, offset, size in release.places():
            if hashlib.sha256(self._disk.read_at(f"{base}/{path}", offset, size)).digest() != chunk:
                wrong.add(chunk)
        return set(release.chunks) - wrong

    def _elsewhere(self, release: Release) -> Mapping[bytes, tuple[str, int]]:
        found: dict[bytes, tuple[str, int]] = {}
        for digest in self._disk.names(f"{self.root}/releases"):
            try:
                other = self.release(digest)
            except RipienoError:
                continue  # it is of no use here; who runs it will say what is wrong with it
            for chunk, path, offset, _ in other.places():
                if chunk in release.chunks:
                    found[chunk] = (f"{self.root}/releases/{digest}/files/{path}", offset)
        return found

    def _parsed(self, path: str, digest: str) -> Release:
        head = self._disk.read(path)
        if head is None:
            raise BundleError(f"release {digest[:16]}... is not on this device")
        release = parse_index(parse_head(head).payload)
        if release.digest != digest:
            raise BundleError(f"{self._disk.place(path)}: the index of another release ({release.digest[:16]}...)")
        return release


def _folders(release: Release) -> list[str]:
    found = {"files"}
    for one in release.files:
        parts = one.path.split("/")[:-1]
        found |= {"/".join(["files", *parts[:count]]) for count in range(len(parts) + 1)}
    return sorted(found)
