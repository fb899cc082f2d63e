"""Look into a database without changing a byte of it, also while its owner writes."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ripieno.contracts.ports import Transaction
from ripieno.errors import StorageError

from .sqlite import refused

TRIES = 20
Damaged = sqlite3.DatabaseError


@contextmanager
def opened_for_reading(path: Path) -> Iterator[Transaction]:
    """Yield a connection to the database as it is now.

    A copy is read where a WAL lies beside it (costs its size in $TMPDIR).

    Statements raise `Damaged` where pages are.

    Raises:
        StorageError: there is no such file, or no space for the copy.
    """
    with tempfile.TemporaryDirectory(prefix="ripieno-") as folder:
        try:
            wal = path.with_name(path.name + "-wal")
            if wal.exists() and wal.stat().st_size:
                target = Path(folder) / "copy.db"
                _copy(path, wal, target)
                uri = f"{target.as_uri()}?mode=rw"
            else:
                path.stat()
                uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
            connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise refused(path, error) from error
        connection.text_factory = bytes  # a damaged row may hold text that is none
        try:
            yield connection
        finally:
            connection.close()


def log_beside(path: Path) -> bytes:
    """Return the write-ahead log beside a database as it is now, b"" where there is none."""
    try:
        return path.with_name(path.name + "-wal").read_bytes()
    except FileNotFoundError:
        return b""


def _copy(path: Path, wal: Path, target: Path) -> None:
    """Copy database, then WAL. The WAL may grow meanwhile (its frames have checksums).

    The database must not change.
    """
    for _ in range(TRIES):
        before = path.stat()
        shutil.copyfile(path, target)
        if wal.exists():
            shutil.copyfile(wal, target.with_name(target.name + "-wal"))
        after = path.stat()
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
            return
    raise StorageError(f"{path}: changed during each of {TRIES} copies (stop the daemon, or copy it yourself)")
