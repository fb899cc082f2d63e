"""The Database port over PostgreSQL, for a consumer whose site has one. Needs psycopg: the extra `postgresql`.

Statements are written for both databases; only the placeholders differ (`?` here, `%s` there).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ripieno.contracts.ports import Transaction
from ripieno.errors import StorageError

from .thread import OwnThread

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")
SCHEMES: Final = ("postgresql://", "postgres://")
CONNECT_S: Final = 10
# A server may answer before its log is on the disk (synchronous_commit = off): then a receipt would be a lie.
DURABLE: Final = "SET SESSION synchronous_commit TO on"


class PostgresDatabase:
    """One connection, opened with the first work and again after a failure; all work in a thread of its own.

    Args:
        address: postgresql://user@host/database; what is not in it comes from PGPASSFILE, PGSERVICE and the like.
    """

    def __init__(self, address: str) -> None:
        self._address, self._thread = address, OwnThread("postgresql")
        self._connection: psycopg.Connection[Any] | None = None

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """See Database."""
        return await self._thread.run(lambda: self._run(work, keep=True))

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """See Database."""
        return await self._thread.run(lambda: self._run(work, keep=False))

    async def close(self) -> None:
        """Close the connection."""
        await self._thread.run(self._close)
        self._thread.stop()

    def _run(self, work: Callable[[Transaction], T], *, keep: bool) -> T:
        psycopg = _psycopg()
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._address, connect_timeout=CONNECT_S, application_name="ripieno")
                self._connection.execute(DURABLE)
                self._connection.commit()
            with self._connection.transaction(force_rollback=not keep):
                return work(_Speaking(self._connection))
        except psycopg.Error as error:
            self._close()  # whether a commit that was cut off is there, only the next look says
            raise StorageError(f"PostgreSQL: {' '.join(str(error).split()) or type(error).__name__}") from error

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _Speaking:
    """The Transaction of a connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        return self._connection.execute(_translated(sql), tuple(parameters) or None)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Any:
        cursor = self._connection.cursor()
        cursor.executemany(_translated(sql), list(parameters))
        return cursor


def _translated(sql: str) -> Any:
    return sql.replace("?", "%s").encode()


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise StorageError(f"PostgreSQL needs psycopg: pip install 'ripieno[postgresql]' ({error})") from None
    return psycopg
