"""A SQLite connection into a database that other programs write: it looks, and never changes or waits for ever.

The file may be replaced by another under the same name at any time (a nightly export does so): its identity is compared
before each look. Values are bounded, so that a damaged or hostile row cannot fill the memory.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ripieno.contracts.ports import Transaction
from ripieno.errors import StorageError

T = TypeVar("T")
LONGEST_VALUE_BYTES = 1 << 20
CACHE_KIB = 256
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
BUSY_S = 0.002
STEPS = 10_000  # of SQLite's machine between two looks at the clock: some 0.1 ms


class Reader:
    """One connection, used by one thread at a time. `is_timed`: False in virtual time, where nothing may depend on the
    real clock.
    """

    def __init__(self, path: Path, within_s: float, *, is_timed: bool = True) -> None:
        self._path, self._within_s, self._is_timed = path, within_s, is_timed
        self._sqlite: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._until_s = 0.0

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on one consistent state. Raises StorageError."""
        self._until_s = time.monotonic() + self._within_s
        try:
            while True:
                try:
                    return self._once(work)
                except sqlite3.OperationalError as error:
                    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in BUSY or time.monotonic() > self._until_s:
                        raise
                time.sleep(BUSY_S)  # SQLite's own waiting grows to 100 ms, and a busy writer is then always faster
        except (sqlite3.Error, sqlite3.Warning, OSError, UnicodeError) as error:
            self.close()
            raise StorageError(f"{self._path}: {self._mended(error)}") from error

    def hurry(self) -> None:
        """Let a look that is under way in its thread end as if its time were over, and all that follow."""
        self._until_s = self._within_s = 0.0

    def close(self) -> None:
        """Close; the next look opens it again."""
        if self._sqlite is not None:
            try:
                self._sqlite.close()
            except sqlite3.Error:
                pass  # nothing of ours is in it
            self._sqlite = None

    def _once(self, work: Callable[[Transaction], T]) -> T:
        connection = self._opened()
        connection.execute("BEGIN")
        try:
            return work(connection)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _opened(self) -> sqlite3.Connection:
        status = self._path.stat()
        identity = (status.st_dev, status.st_ino)
        if self._sqlite is not None and identity != self._identity:
            self.close()
        if self._sqlite is None:
            self._identity = identity
            self._sqlite = self._open()
        return self._sqlite

    def _open(self) -> sqlite3.Connection:
        with self._path.open("rb"):
            pass  # SQLite's own words for a missing right do not say which
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE_BYTES)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        for pragma in (
            "busy_timeout=0",
            f"cache_size=-{CACHE_KIB}",
            "query_only=ON",
            "trusted_schema=OFF",  # a view of theirs runs with our rights
        ):
            connection.execute(f"PRAGMA {pragma}")
        if self._is_timed:
            connection.set_progress_handler(lambda: time.monotonic() > self._until_s, STEPS)
        return connection

    def _mended(self, error: Exception) -> str:
        text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        if isinstance(error, FileNotFoundError):
            return "there is no such file; correct `path`, or let the program run that makes it"
        if isinstance(error, PermissionError):
            return "may not be read; let the daemon's user read it"
        if "interrupted" in text:
            return f"not found within {self._within_s:g} s; an index on the key column would help"
        if "locked" in text or "busy" in text:
            return f"locked by another program for {self._within_s:g} s; in WAL mode readers need not wait"
        if "unable to open" in text or "readonly" in text:
            return (
                f"{text}: a database in WAL mode, or one whose writer was killed, is read only by who may write its "
                "folder; let the daemon's user do so"
            )
        if "malformed" in text or "not a database" in text:
            return f"{text}: it is damaged, or no SQLite database"
        return text
