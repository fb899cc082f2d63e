"""Driver `sqlite-booking`: each booking is one row, keyed by its act, in a table of a SQLite database of the site.

bookings(act TEXT PRIMARY KEY, output TEXT, verb TEXT, wall_ns INTEGER, fields TEXT as JSON)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Final

from annotated_types import MinLen, doc

from ripieno.contracts.driver import Context, Device, Driver, Place
from ripieno.contracts.ports import Database, Transaction
from ripieno.errors import DeviceError, StorageError
from ripieno.values import Booking, Outcome, OutcomeKind
from ripieno_drivers.payloads import booking_document, to_json
from ripieno_drivers.serial_line import Standing
from ripieno_drivers.unmoving import MovesNothing

from .patience import Patience

RETRY_S: Final = (0.1, 0.5, 2.0, 10.0)
SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS bookings (act TEXT PRIMARY KEY, output TEXT NOT NULL, verb TEXT NOT NULL,"
    " wall_ns INTEGER NOT NULL, fields TEXT NOT NULL) WITHOUT ROWID"
)


@dataclass(frozen=True, kw_only=True)
class BookingSettings:
    """A SQLite database that others read."""

    path: Annotated[str, Place(), MinLen(1), doc("the database file; a relative path counts from the state directory")]


@dataclass(frozen=True, kw_only=True)
class BookingPoint:
    """An output whose bookings, messages or reports go there; nothing to set."""


class SqliteBooking(MovesNothing):
    """One database. A disk that refuses is tried again on a ladder: the booking waits, the line does not."""

    def __init__(self, settings: BookingSettings, context: Context) -> None:
        self._settings, self._context = settings, context
        self._database: Database | None = None
        self._standing = Standing(context)
        self._opened = asyncio.Event()
        self._patience = Patience(context.device, RETRY_S, self._refused, self._standing.up)

    async def run(self) -> None:
        """Open the database, then serve until cancelled."""
        context = self._context
        if context.storage is None:
            raise DeviceError(f"{context.device}: a booking needs a disk, and this host offers none")
        database = self._database = context.storage.database(self._settings.path)
        try:
            await self._patience.done(lambda: database.write(lambda tx: tx.execute(SCHEMA)), StorageError)
            self._opened.set()
            await asyncio.Event().wait()
        finally:
            self._patience.close()
            self._opened.set()  # who waits learns that it is closed
            await database.close()

    async def book(self, booking: Booking) -> Outcome:
        """Insert the row unless it is there; returns once it is durable. Raises LinkDown: `run` has ended."""
        await self._opened.wait()
        database = self._database
        assert database is not None
        act, wall_ns = str(booking.act).encode("utf-8", "backslashreplace").decode(), self._context.clock.wall_ns()
        row = (act, booking.output, booking.verb, wall_ns, to_json(booking_document(booking)["fields"]).decode())

        def insert(tx: Transaction) -> object:
            return tx.execute("INSERT OR IGNORE INTO bookings VALUES (?, ?, ?, ?, ?)", row)

        await self._patience.done(lambda: database.write(insert), StorageError)
        return Outcome(booking.act, OutcomeKind.EXECUTED, at_ns=self._context.clock.monotonic_ns())

    def _refused(self, error: Exception) -> None:
        self._standing.down(f"{error}; bookings wait")


def _open(settings: Any, context: Context) -> Device:
    return SqliteBooking(settings, context)


DRIVER = Driver(
    name="sqlite-booking",
    summary="rows in a SQLite database of the site, each act once",
    settings=BookingSettings,
    point=BookingPoint,
    inputs=frozenset(),
    outputs=frozenset({"booking", "message", "report"}),
    pulse_contract="none",
    falls_safe=True,
    open=_open,
)
