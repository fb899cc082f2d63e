"""Writes a first device file and its bundle; nothing that is there is replaced."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ripieno
from ripieno.errors import BundleError, StorageError
from ripieno_daemon.bundles.files import read_bytes, walk

from .text import Choice, device_text

BUNDLE = "quality-control"


@dataclass(frozen=True, slots=True)
class Written:
    """The files that were made."""

    device_file: str
    bundle: str


def write(folder: Path, choice: Choice) -> Written:
    """Write `device.yaml` and the bundle at `choice.bundle` (below `folder`, where it is relative).

    Raises:
        StorageError: a file is there already, or the disk refused; names it and the mend.
        BundleError: the bundle that ships is missing.
    """
    device_file, bundle = folder / "device.yaml", folder / choice.bundle
    for path in (device_file, bundle):
        if path.exists():
            raise StorageError(f"{path}: is there already; name another folder, or move it away")
    source = shipped(BUNDLE)
    try:
        for name in [*walk(source)]:
            (bundle / name).parent.mkdir(parents=True, exist_ok=True)
            (bundle / name).write_bytes(read_bytes(source / name))
        device_file.write_text(device_text(choice), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return Written(str(device_file), str(bundle))


def shipped(name: str) -> Path:
    """Return where a bundle that ships is: in the wheel beside the library, in a checkout beside its folder.

    Raises:
        BundleError: it is in neither.
    """
    library = Path(ripieno.__file__).parent
    for place in (library / "bundles" / name, library.parent / "bundles" / name):
        if (place / "pipeline.yaml").is_file():
            return place
    raise BundleError(f"the bundle {name} is not installed; looked beside {library}; install the wheel again")
