"""One consistent copy of a database that others may be writing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from .sqlite import BUSY_MS, refused


def copy_database(source: Path, target: Path) -> None:
    """Copy a database as its last commit left it, its write-ahead log included; the copy has no log.

    One read lock for all of it: in WAL mode a writer goes on meanwhile, and what it writes is not in the copy.

    Raises:
        FileNotFoundError: there is no such file.
        StorageError: it is damaged, or there is no room.
    """
    source.stat()
    try:
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            with closing(sqlite3.connect(target)) as copy:
                connection.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise refused(source, error) from error
