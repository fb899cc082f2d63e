"""Writes the unit files below a root: each is there whole or not at all, one that is right already is left alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ripieno.errors import StorageError

from .files import UnitFile


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of one file: `did` is new, changed or unchanged."""

    name: str
    path: str
    did: str


def place(files: Iterable[UnitFile], root: Path) -> list[Placed]:
    """Write the files.

    Raises:
        StorageError: a file cannot be written; names it and the mend.
    """
    done = []
    for one in files:
        path = root / one.place
        before = path.read_text(encoding="utf-8") if path.is_file() else None
        did = "new" if before is None else "changed" if before != one.text else "unchanged"
        if did != "unchanged":
            try:
                _write(path, one.text)
            except OSError as error:
                raise StorageError(
                    f"{path}: cannot be written: {error.strerror or error}; run it as root, or with --root DIR"
                ) from error
        done.append(Placed(one.name, str(path), did))
    return done


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(path)
