"""A SQLite connection with the settings that this daemon's durability and bytes written rest on.

Page size 1 kB: a small group commit rewrites the last page of each table, and the smaller that is, the less is
written. WAL with `synchronous=FULL` costs one fdatasync for a commit; the WAL is moved into the database every
`CHECKPOINT_PAGES`, so that a page that was rewritten by many commits is written into the database once.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from ripieno.contracts.ports import Transaction
from ripieno.errors import StorageDamaged, StorageError

T = TypeVar("T")
PAGE_BYTES = 1024
CHECKPOINT_PAGES = 2048  # a WAL of about 2 MB: read once at a start after a crash, 20 ms
BUSY_MS = 5000  # a reader from outside may hold the lock of a checkpoint that long
CACHE_KIB = 512


class Connection:
    """One connection, used by one thread at a time.

    Opened with the first work and again after a failure of the disk. Only the first opening makes a file; a database
    that is deleted or replaced under us is noticed before the next work, not written to until nobody finds it again.
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        self._path = path
        self._durable = durable
        self._sqlite: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction.

        Raises:
            StorageError: the disk refused; nothing is kept.
        """
        return self._run("BEGIN IMMEDIATE", work, "COMMIT")

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on one consistent state; what it changes is not kept."""
        return self._run("BEGIN", work, "ROLLBACK")

    def close(self) -> None:
        """Close; SQLite moves what is in the WAL into the database."""
        if self._sqlite is not None:
            try:
                self._sqlite.close()
            except sqlite3.Error:
                pass  # everything committed is in the WAL, and the next start finds it there
            self._sqlite = None

    def salvage(self, target: Path) -> bool:
        """Copy what the open connection still sees of a file that lost its name; False: it has it, or none is open.

        Raises:
            StorageError: it cannot be read any more, or there is no room.
        """
        if self._sqlite is None or self._identity == _identity(self._path):
            return False
        try:
            target.unlink(missing_ok=True)
            with closing(sqlite3.connect(target)) as copy:
                self._sqlite.backup(copy)
        except (sqlite3.Error, OSError) as error:
            raise refused(target, error) from error
        return True

    def _run(self, begin: str, work: Callable[[Transaction], T], end: str) -> T:
        try:
            if self._sqlite is None:
                self._sqlite = self._open()
            elif self._identity != _identity(self._path):
                raise StorageDamaged(f"{self._path}: was deleted or replaced by another file while it was open")
            connection = self._sqlite
            connection.execute(begin)
            try:
                result = work(connection)
                connection.execute(end)
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result
        except (sqlite3.OperationalError, sqlite3.DatabaseError, OSError) as error:
            self.close()  # after a failed write the kernel's and SQLite's ideas of the file may differ: read it anew
            raise refused(self._path, error) from error

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = _identity(self._path)
        if self._identity is not None and found != self._identity:
            raise StorageDamaged(f"{self._path}: was deleted or replaced by another file")
        if found is None and self._path.with_name(f"{self._path.name}-wal").exists():
            raise StorageDamaged(f"{self._path}: is gone, and its write-ahead log is still here")
        # -wal and -shm take over the mode of the database
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._identity = _identity(self._path)
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        for pragma in (
            f"busy_timeout={BUSY_MS}",
            f"page_size={PAGE_BYTES}",
            f"cache_size=-{CACHE_KIB}",
            "journal_mode=WAL",
            f"synchronous={'FULL' if self._durable else 'OFF'}",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            f"journal_size_limit={2 * CHECKPOINT_PAGES * PAGE_BYTES}",
            "foreign_keys=OFF",
            "trusted_schema=OFF",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection


LEAST_BYTES = 64 * 1024
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
READ_ERRORS = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def is_damage(error: Exception) -> bool:
    """Whether this is what a damaged file gives: trying again, or making room, would not help."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in DAMAGE or code in READ_ERRORS


def is_lost(error: Exception) -> bool:
    """Whether what is looked for in a damaged file cannot be found there, also at another time."""
    return is_damage(error) or getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_ERROR


def refused(path: Path, error: Exception) -> StorageError:
    """Say which file, what the disk said, and what a person does about it."""
    text = str(error)
    code = error.errno if isinstance(error, OSError) else None
    if code == errno.ENOSPC or "full" in text or ("I/O error" in text and _is_full(path)):
        text = text if "full" in text or code else f"the disk is full ({text})"
        mend = "free space on its file system"
    elif code in (errno.EACCES, errno.EPERM, errno.EROFS) or "readonly" in text or "unable to open" in text:
        mend = "make it writable for this user"
    elif "locked" in text:
        mend = "another process holds it; stop that one"
    elif "malformed" in text or "not a database" in text:
        mend = "it is damaged: verify it, then restore it or move it away"
    else:
        mend = "check the disk"
    told = f"{path}: {text} ({mend})"
    return StorageDamaged(told) if is_damage(error) else StorageError(told)


def _is_full(path: Path) -> bool:
    """Whether there is no room: SQLite tells a write-ahead log that cannot grow as an I/O error."""
    try:
        room = os.statvfs(path.parent)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < LEAST_BYTES
