"""Driver `sqlite-records`: record inputs from a SQLite database that other programs write.

Each look-up is one SELECT by key; names are quoted and checked against the database at the start, values are bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from annotated_types import Gt, Le, MaxLen, MinLen, Predicate, doc

from ripieno.contracts.driver import Context, Device, Driver, Place, Point
from ripieno.contracts.ports import DatabaseReader, Transaction
from ripieno.errors import DeviceError, StorageError
from ripieno.values import Health, Record
from ripieno_drivers.payloads import gather
from ripieno_drivers.serial_line import Standing
from ripieno_drivers.unmoving import MovesNothing

from .schema import Query, as_truth, prepared

RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)


def is_a_name(text: str) -> bool:
    return bool(text) and text.isprintable()


Name = Annotated[str, MinLen(1), MaxLen(128), Predicate(is_a_name)]


@dataclass(frozen=True, kw_only=True)
class SqliteRecordsSettings:
    """A SQLite database that is only read."""

    path: Annotated[str, Place(), MinLen(1), doc("the database file; a relative path counts from the state directory")]
    within_s: Annotated[
        float, Gt(0), Le(5), doc("a look-up that takes longer, or finds the database locked for so long, has failed")
    ] = 0.5


@dataclass(frozen=True, kw_only=True)
class SqliteRecordsPoint:
    """One record input: a table or view, its key, and where each field is."""

    table: Annotated[Name, doc("the table or view")]
    key: Annotated[Name, doc("the column that a look-up compares; it should have an index")]
    columns: Annotated[Mapping[Name, Name], MinLen(1), MaxLen(64), doc("field of the input: column of the table")]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(self.columns)


class SqliteRecords(MovesNothing):
    """One database. It is down while the database cannot be read or lacks what the inputs need."""

    def __init__(self, settings: SqliteRecordsSettings, context: Context) -> None:
        self._settings, self._context = settings, context
        self._standing = Standing(context)
        self._points: dict[str, Point] = {one.name: one for one in context.points if one.kind == "record"}
        self._queries: dict[str, Query] = {}
        self._reader: DatabaseReader | None = None
        self._doubted = asyncio.Event()
        self._why = "it is not open yet"
        self._said: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Serve until cancelled; check the tables at the start and after each failure."""
        context = self._context
        if context.storage is None:
            raise DeviceError(f"{context.device}: records need a disk, and this host offers none")
        reader = self._reader = context.storage.reader(self._settings.path, self._settings.within_s)
        failures = 0
        try:
            while True:
                self._doubted.clear()
                try:
                    self._queries = await reader.read(self._check)
                except (StorageError, DeviceError) as error:
                    self._down(str(error))
                    await context.clock.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                    failures += 1
                    continue
                failures = 0
                self._standing.up()
                self._advise()
                await self._doubted.wait()
        finally:
            self._reader, self._queries, self._why = None, {}, "it is closed"
            await reader.close()

    async def look(self, input: str, key: str | float) -> Record:
        """Return the record under `key`: one row, or none. Two rows are a failure, for nobody knows which is meant."""
        reader, query = self._reader, self._queries.get(input)
        if reader is None or query is None:
            why = self._why if input in self._points else f"{self._context.device} has no input {input!r}"
            return Record(False, health=Health.FAILED, why=why)
        wanted = int(key) if isinstance(key, float) and key.is_integer() and abs(key) < 2**63 else key

        def select(tx: Transaction) -> list[Any]:
            return tx.execute(query.sql, (wanted,)).fetchall()

        try:
            rows = await reader.read(select)
        except StorageError as error:
            self._doubted.set()  # the tables are looked at again; a lock is none of their faults and is soon over
            return Record(False, health=Health.FAILED, why=str(error))
        if len(rows) > 1:
            why = f"2 or more records under {key!r} in {self._points[input].settings.table}; the key should be unique"
            return Record(False, health=Health.FAILED, why=why)
        if not rows:
            return Record(False)
        pairs = [
            (field, as_truth(value) if field in query.truths else value)
            for field, value in zip(query.fields, rows[0], strict=True)
        ]
        fields, faults = gather(pairs)
        self._say_once(input, faults)
        return Record(True, fields)

    def _check(self, tx: Transaction) -> dict[str, Query]:
        return {name: prepared(tx, name, point.settings) for name, point in self._points.items()}

    def _down(self, why: str) -> None:
        self._queries, self._why = {}, why
        self._standing.down(why)

    def _advise(self) -> None:
        for name, query in self._queries.items():
            if query.scans:
                table, key = self._points[name].settings.table, self._points[name].settings.key
                self._say_once(name, [f"has no index on {key}: each look-up reads the whole table {table}"])

    def _say_once(self, input: str, sentences: list[str]) -> None:
        for sentence in sentences:
            told = (input, sentence.split(" ")[0])
            if told not in self._said:
                self._said.add(told)
                self._context.say(f"{self._context.device}: {input}: {sentence}")


def _open(settings: Any, context: Context) -> Device:
    return SqliteRecords(settings, context)


DRIVER = Driver(
    name="sqlite-records",
    summary="records looked up in a SQLite database that other programs write",
    settings=SqliteRecordsSettings,
    point=SqliteRecordsPoint,
    inputs=frozenset({"record"}),
    outputs=frozenset(),
    pulse_contract="none",
    falls_safe=True,
    open=_open,
)
