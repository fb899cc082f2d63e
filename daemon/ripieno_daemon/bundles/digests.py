"""Which files belong to a bundle, and their digests: all but manifest.json, dotfiles and __pycache__."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from ripieno.errors import BundleError
from ripieno.models.manifest import FILE_NAME, SealedFile

from .files import read_bytes, walk

MAX_FILES: Final = 10_000


def digest_files(folder: Path) -> dict[str, SealedFile]:
    """Return SHA-256 and size of every file of a bundle, by relative path.

    Raises:
        BundleError: a file cannot be read, a link, or more than MAX_FILES.
    """
    found: dict[str, SealedFile] = {}
    for path in walk(folder):
        if path == FILE_NAME:
            continue
        if len(found) >= MAX_FILES:
            raise BundleError(f"{folder}: more than {MAX_FILES} files; is it the folder of a bundle?")
        try:
            content = read_bytes(folder / path)
        except OSError as error:
            raise BundleError(f"{folder / path}: cannot be read: {error.strerror or error}") from error
        found[path] = SealedFile(hashlib.sha256(content).hexdigest(), len(content))
    return found
