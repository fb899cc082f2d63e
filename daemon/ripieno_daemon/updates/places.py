"""Where the files of a release are, read from a path: STATE/bundles/NAME/releases/DIGEST/files."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """The state directory, the bundle's name, and the digest of the release in hex."""

    root: str
    name: str
    digest: str


def place_of(folder: str) -> Place | None:
    """Return what a bundle's folder says of itself, None where it is no release's."""
    parts = folder.split("/")
    if len(parts) < 6 or parts[-1] != "files" or parts[-3] != "releases" or parts[-5] != "bundles":
        return None
    return Place("/".join(parts[:-5]) or "/", parts[-4], parts[-2])
