"""A bundle as one file: the same folder gives the same bytes.

    "RIPIENO\\1" | bytes of the whole file, 8 bytes big-endian | bytes of the head, 4 bytes | head | chunks

head = msgpack {p: index, s: [{k: key id, s: signature}, ...]}; chunks: each once, in the order of the index. The length
of everything is known before a byte of it is read, and nothing is parsed that is longer than it says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ripieno.errors import BundleError, RipienoError
from ripieno.models.manifest import FILE_NAME, MEND, Manifest, parse_manifest

from ..packed import BadPacked, pack, unpack
from ..trust import Sealed, Signer, parse_sealed
from ..trust.sealed import MAX_SIGNATURES
from .files import read_bytes, read_part, size_of, write_parts
from .opened import open_bundle
from .release import MAX_INDEX_BYTES, PackedFile, Release, chunk_digests, parse_index
from .signed import signature

MAGIC: Final = b"RIPIENO\1"
_FIXED: Final = len(MAGIC) + 8 + 4
MAX_HEAD_BYTES: Final = MAX_INDEX_BYTES + 1024
ENDING: Final = ".bundle"


@dataclass(frozen=True, slots=True)
class PackedBundle:
    """A packed file whose head was read; chunks are read when they are asked for.

    Attributes:
        head: the bytes that a device is given first: index and signatures.
        signatures: key id to signature; empty where nobody has signed.
        offsets: where each chunk begins in the file.
    """

    path: Path
    release: Release
    head: bytes
    signatures: Mapping[str, bytes]
    offsets: Mapping[bytes, int]
    size: int

    def chunk(self, digest: bytes) -> bytes:
        """Return a chunk, compared with its digest. Raises BundleError."""
        content = read_part(self.path, self.offsets[digest], self.release.chunks[digest])
        if hashlib.sha256(content).digest() != digest:
            raise BundleError(f"{self.path}: chunk {digest.hex()[:16]}... at byte {self.offsets[digest]} is damaged")
        return content

    def file(self, path: str) -> bytes:
        """Return a file of the bundle. Raises BundleError: damaged; FileNotFoundError: there is none."""
        for one in self.release.files:
            if one.path == path:
                return b"".join(map(self.chunk, one.chunks))
        raise FileNotFoundError(2, "no such file in the bundle", path)


def pack_bundle(folder: Path, target: Path, counter: int, changes: float = 0.0) -> PackedBundle:
    """Pack the sealed bundle in `folder` into one file, unsigned; see Release for `counter` and `changes`.

    Raises:
        BundleError: not sealed, not as sealed, too large, or the file cannot be written.
    """
    bundle = open_bundle(folder)
    contents: dict[bytes, tuple[str, int]] = {}
    files: list[PackedFile] = []
    for path in sorted({FILE_NAME, *bundle.manifest.files}):
        content = _read(bundle.folder / path)
        files.append(PackedFile(path, len(content), chunk_digests(content)))
    release = Release(bundle.manifest.name, bundle.manifest.version, counter, float(changes), tuple(files))
    for chunk, path, offset, _size in release.places():
        contents.setdefault(chunk, (path, offset))
    if parse_index(release.index) != release:
        raise BundleError(f"{folder}: a path of this bundle cannot be packed")

    def chunk_of(digest: bytes) -> bytes:
        path, offset = contents[digest]
        content = read_part(bundle.folder / path, offset, release.chunks[digest])
        if hashlib.sha256(content).digest() != digest:
            raise BundleError(f"{folder / path}: it changed while the bundle was being packed; pack again")
        return content

    write_packed(target, release, {}, chunk_of)
    return open_packed(target)


def write_packed(
    target: Path, release: Release, signatures: Mapping[str, bytes], chunk: Callable[[bytes], bytes]
) -> None:
    """Write a packed file whole or not at all. Raises BundleError."""
    listed = [{"k": key, "s": signatures[key]} for key in sorted(signatures)]
    head = pack({"p": release.index, "s": listed}, MAX_HEAD_BYTES)
    total = _FIXED + len(head) + sum(release.chunks.values())

    def parts() -> Iterator[bytes]:
        yield MAGIC + total.to_bytes(8, "big") + len(head).to_bytes(4, "big") + head
        for digest in release.chunks:
            yield chunk(digest)

    write_parts(target, parts())


def open_packed(path: Path) -> PackedBundle:
    """Return what a packed file says it holds; its chunks are compared when they are read.

    Raises:
        BundleError: no packed bundle, cut off, or with something behind its end; names the file.
    """
    try:
        fixed, found = read_part(path, 0, _FIXED), size_of(path)
        if len(fixed) < _FIXED or fixed[: len(MAGIC)] != MAGIC:
            raise BundleError(f"{path}: not a packed bundle (`ripieno bundle pack DIR` makes one)")
        total, head_bytes = int.from_bytes(fixed[8:16], "big"), int.from_bytes(fixed[16:20], "big")
        if found != total:
            what = "cut off" if found < total else "longer than it says"
            raise BundleError(f"{path}: {what}: it should have {total} bytes and has {found}; get it anew")
        if head_bytes > MAX_HEAD_BYTES:
            raise BundleError(f"{path}: a head of {head_bytes} bytes; at most {MAX_HEAD_BYTES} are read")
        head = read_part(path, _FIXED, head_bytes)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        sealed = parse_head(head)
        release = parse_index(sealed.payload)
    except RipienoError as error:
        raise BundleError(f"{path}: {error}") from error
    offsets, at = {}, _FIXED + head_bytes
    for digest, size in release.chunks.items():
        offsets[digest] = at
        at += size
    if at != total:
        raise BundleError(f"{path}: its index asks for {at} bytes, the file has {total}; get it anew")
    return PackedBundle(path, release, head, sealed.signatures, offsets, total)


def parse_head(head: bytes) -> Sealed:
    """Return index and signatures of a head, neither checked. Raises BundleError, BadSeal."""
    try:
        body = unpack(head, MAX_HEAD_BYTES)
    except BadPacked as error:
        raise BundleError(f"not the head of a bundle: {error}") from error
    if isinstance(body, dict) and set(body) == {"p", "s"} and isinstance(body["p"], bytes) and body["s"] == []:
        return Sealed(body["p"], {})
    return parse_sealed(body if isinstance(body, dict) else {})


def check_contents(bundle: PackedBundle) -> Manifest:
    """Compare every chunk, and every file with the manifest inside; return that.

    Raises:
        BundleError: names each file that is damaged, missing or not sealed.
    """
    manifest = parse_manifest(bundle.file(FILE_NAME), f"{bundle.path}: {FILE_NAME}")
    wrong: list[str] = []
    there = {one.path for one in bundle.release.files} - {FILE_NAME}
    for path, sealed in sorted(manifest.files.items()):
        if path not in there:
            wrong.append(f"{path}: it is not in the packed file")
        elif hashlib.sha256(bundle.file(path)).hexdigest() != sealed.sha256:
            wrong.append(f"{path}: it is not the sealed file")
    wrong += [f"{path}: found, but it is not sealed" for path in sorted(there - set(manifest.files))]
    told, said = f"{bundle.release.name} {bundle.release.version}", f"{manifest.name} {manifest.version}"
    if told != said:
        wrong.append(f"the index says {told}, the manifest {said}")
    if wrong:
        raise BundleError(f"{bundle.path}: " + "; ".join(wrong) + f"; {MEND}")
    return manifest


def with_signature(path: Path, key: Signer) -> PackedBundle:
    """Add the signature of `key` to a packed file.

    Raises:
        BundleError: the file is damaged, or has the most signatures that are read.
    """
    bundle = open_packed(path)
    check_contents(bundle)
    signatures = {**bundle.signatures, key.id: signature(bundle.release.index, key)}
    if len(signatures) > MAX_SIGNATURES:
        raise BundleError(f"{path}: {MAX_SIGNATURES} keys have signed it, more are not read")
    write_packed(path, bundle.release, signatures, bundle.chunk)
    return open_packed(path)


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror or error}") from error
