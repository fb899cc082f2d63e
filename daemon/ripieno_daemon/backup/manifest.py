"""What stands first in a backup: which files are in it, with their digests, and who it is of.

    manifest.json      {format, device, made (UTC, s), release, keys: bool, left_out: [path, why], entries: [...]}
    manifest.sha256    SHA-256 of manifest.json, in hex
    state/...          the state directory; databases as one consistent file each
    device/...         the device file and what lies beside it; `place` in the manifest says where each belongs

An entry is {path, bytes, sha256} or, for a symbolic link, {path, link}.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from ripieno.errors import RipienoError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
DIGEST: Final = "manifest.sha256"
MOST_BYTES: Final = 16 * 1024 * 1024
ROOTS: Final = ("state", "device")


class BadBackup(RipienoError):
    """The file is no backup, is damaged, or is of a newer release; the message says which, and where."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file (`sha256`), or a symbolic link (`link`: where it leads, relative)."""

    path: str
    bytes: int = 0
    sha256: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """See above. `device_file`: its name below device/, "" where none is in it."""

    device: str
    made: int
    release: str
    keys: bool
    left_out: tuple[tuple[str, str], ...]
    entries: tuple[Entry, ...]
    device_file: str = ""
    format: int = FORMAT

    def packed(self) -> bytes:
        """Return manifest.json."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode() + b"\n"


def parse(content: bytes, digest: bytes) -> Manifest:
    """Return what manifest.json says.

    Raises:
        BadBackup: it is damaged, or of a newer format, or names a path outside.
    """
    try:
        found: dict[str, Any] = json.loads(content)
        newest = int(found["format"])
    except (ValueError, KeyError, TypeError):
        raise BadBackup(f"{MANIFEST} is damaged") from None
    if newest > FORMAT:
        raise BadBackup(f"a backup of format {newest}; this release reads up to {FORMAT}: install a newer one")
    if hashlib.sha256(content).hexdigest() != digest.decode("ascii", "replace").strip():
        raise BadBackup(f"{MANIFEST} is damaged: it does not match {DIGEST}")
    try:
        entries = tuple(Entry(**each) for each in found.pop("entries"))
        left_out = tuple((str(path), str(why)) for path, why in found.pop("left_out"))
        manifest = Manifest(entries=entries, left_out=left_out, **found)
    except (TypeError, KeyError, ValueError) as error:
        raise BadBackup(f"{MANIFEST} is not one: {error}") from None
    for entry in entries:
        _check_inside(entry)
    return manifest


def _check_inside(entry: Entry) -> None:
    """A file from elsewhere must not write outside of what it restores."""
    path = PurePosixPath(entry.path)
    if path.is_absolute() or ".." in path.parts or path.parts[:1] not in [(root,) for root in ROOTS]:
        raise BadBackup(f"{entry.path!r} would lie outside")
    if entry.link:
        steps = len(path.parts) - 2  # folders below the root that the link may climb
        leads = PurePosixPath(entry.link)
        if leads.is_absolute() or sum(part == ".." for part in leads.parts) > steps:
            raise BadBackup(f"{entry.path!r} leads outside: {entry.link!r}")
