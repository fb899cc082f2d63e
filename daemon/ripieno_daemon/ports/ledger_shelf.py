"""Damaged ledgers, set aside below the state directory: nothing of one is lost, and nothing of it is in the way.

    ledger.damaged-STAMP/ledger.sqlite, -wal, -shm      as they were found
    ledger.damaged-STAMP/why                            one line for a person
    ledger.damaged-STAMP/rescued, acknowledged          nothing more is to be read of it; a person has seen it

The files get their second name first, then the folder its name, then the first names go: whatever dies between, the
next start finds the old names still there, or all of the new ones. (A database without its log, or a log without its
database, would be another ledger, and SQLite deletes a log that it finds alone.)
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

from ripieno.contracts.ports import Transaction

from .small_files import SmallFiles
from .sqlite import refused
from .thread import OwnThread

T = TypeVar("T")
PREFIX = "ledger.damaged-"
SUFFIXES = ("", "-wal", "-shm")


class SetAside(NamedTuple):
    """A damaged ledger: its folder's name, why, and what is still to be done about it."""

    folder: str
    why: str
    is_rescued: bool
    is_acknowledged: bool


class LedgerShelf:
    """The shelf of one state directory, worked on in a thread of its own."""

    def __init__(self, state: Path, name: str = "ledger.sqlite") -> None:
        self._state, self._name = state.absolute(), name
        self._files = SmallFiles(state)
        self._thread = OwnThread("ledger shelf")

    async def begin(self) -> list[SetAside]:
        """Complete what a kill interrupted; return what is on the shelf, the oldest first. Raises StorageError."""
        return await self._thread.run(self._begin)

    async def has_acted(self) -> bool:
        """Whether the file of intents holds any: then there was a ledger. Raises StorageError."""
        return any(await self._thread.run(lambda: self._files.read("intents")))

    async def set_aside(self, stamp: str, why: str, salvaged: Path | None = None) -> SetAside:
        """Take the ledger's files out of the way. Durable when it returns.

        `salvaged`: a copy of what an open connection still saw, where the database has lost its name.

        Raises:
            StorageError: the disk refused; the files are where they were.
        """
        return await self._thread.run(lambda: self._set_aside(stamp, why, salvaged))

    async def sizes(self) -> dict[str, int]:
        """Return what each folder of the state directory takes, in bytes. Raises StorageError."""
        return await self._thread.run(self._sizes)

    async def remove(self, folder: str) -> None:
        """Remove a set-aside ledger for good. Raises StorageError."""
        assert folder.startswith(PREFIX)
        await self._thread.run(lambda: shutil.rmtree(self._state / folder, ignore_errors=True))

    async def note(self, folder: str, name: str, text: str) -> None:
        """Note "rescued" or "acknowledged". Raises StorageError."""
        await self._thread.run(lambda: self._files.write(f"{folder}/{name}", text.encode()))

    async def read(self, folder: str, work: Callable[[Transaction], T]) -> T:
        """Run `work` on a set-aside ledger, which is not changed by it.

        Raises:
            StorageDamaged: it cannot be opened at all.
            StorageError: it cannot be read now.
        """
        return await self._thread.run(lambda: self._read(folder, work))

    def place_for_salvage(self) -> Path:
        """Return where a copy may be made that `set_aside` is then given."""
        return self._state / f".{self._name}.salvaged"

    async def close(self) -> None:
        """End the thread."""
        self._thread.stop()

    def _begin(self) -> list[SetAside]:
        try:
            for draft in self._state.glob(f".{PREFIX}*"):
                shutil.rmtree(draft)
            found = sorted(path for path in self._state.glob(f"{PREFIX}*") if path.is_dir())
            for folder in found:
                self._finish(folder)
        except OSError as error:
            raise refused(self._state, error) from error
        return [self._seen(folder.name) for folder in found]

    def _sizes(self) -> dict[str, int]:
        try:
            return {
                folder.name: sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
                for folder in self._state.iterdir()
                if folder.is_dir()
            }
        except OSError as error:
            raise refused(self._state, error) from error

    def _read(self, folder: str, work: Callable[[Transaction], T]) -> T:
        path = self._state / folder / self._name
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
                connection.execute(
                    "PRAGMA writable_schema=ON"
                )  # else a file shorter than it says is refused as a whole
                connection.execute("PRAGMA query_only=ON")
                connection.execute("BEGIN")
                return work(connection)
        except sqlite3.Error as error:
            raise refused(path, error) from error

    def _seen(self, folder: str) -> SetAside:
        why = self._files.read(f"{folder}/why").decode(errors="replace").strip()
        place = self._state / folder
        is_rescued = (place / "rescued").exists() or not (place / self._name).exists()
        return SetAside(folder, why, is_rescued, (place / "acknowledged").exists())

    def _set_aside(self, stamp: str, why: str, salvaged: Path | None) -> SetAside:
        folder = self._free_name(stamp)
        draft = self._state / f".{folder}"
        try:
            draft.mkdir(mode=0o700)
            if salvaged is not None:
                salvaged.rename(draft / self._name)
            for suffix in SUFFIXES:
                source = self._state / f"{self._name}{suffix}"
                if source.exists():
                    stranger = "found-instead-" if salvaged is not None else ""
                    os.link(source, draft / f"{stranger}{source.name}")
            self._files.write(f"{draft.name}/why", why.encode() + b"\n")
            draft.rename(self._state / folder)
            _sync(self._state)
            self._finish(self._state / folder)
        except OSError as error:
            raise refused(self._state / folder, error) from error
        return self._seen(folder)

    def _finish(self, folder: Path) -> None:
        """Take the first names of what is in a folder away."""
        for kept in folder.glob(f"*{self._name}*"):
            name = kept.name.removeprefix("found-instead-")
            path = self._state / name
            if path.exists() and path.samefile(kept):
                path.unlink()
        _sync(self._state)

    def _free_name(self, stamp: str) -> str:
        name, number = f"{PREFIX}{stamp}", 1
        while (self._state / name).exists():
            number += 1
            name = f"{PREFIX}{stamp}.{number}"
        return name


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
