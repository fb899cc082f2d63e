"""sqlite-records: what other programs write is found as it is, and what is wrong with it is said, never guessed."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from drivers.site.contexts import Told, context, running, until
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.contracts.driver import Point
from ripieno.values import Health, Record
from ripieno_drivers.records.sqlite import DRIVER, SqliteRecordsPoint, SqliteRecordsSettings

COLUMNS = {"name": "full name", "balance": "balance", "active": "active", "photo": "photo"}


def point(**other: Any) -> Point:
    wanted: dict[str, Any] = {"table": "customers", "key": "number", "columns": COLUMNS} | other
    return Point("customers", "record", SqliteRecordsPoint(**wanted))


def database(path: Path, *more: str, mode: str = "WAL") -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute(
            'CREATE TABLE customers (number INTEGER PRIMARY KEY, "full name" TEXT, balance REAL, active BOOLEAN, photo)'
        )
        connection.execute("INSERT INTO customers VALUES (42, 'Ada Lovelace', 12.5, 1, NULL)")
        for statement in more:
            connection.execute(statement)
        connection.commit()
    return path


def looked(path: Path, *keys: Any, told: Told | None = None, bound: Point | None = None, **other: Any) -> list[Record]:
    """Run the device on a database and return what it finds under the keys, on uvloop as the daemon does."""
    told = told or Told()

    async def main() -> list[Record]:
        own = SqliteRecordsSettings(path=str(path), **other)
        async with running(DRIVER, own, context(told, path.parent, [bound or point()])) as device:
            await until(lambda: told.is_up)
            return [await device.look("customers", key) for key in keys]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def refused(path: Path, bound: Point | None = None) -> str:
    """Return why the device is down at the start."""
    told = Told()

    async def main() -> str:
        async with running(
            DRIVER, SqliteRecordsSettings(path=str(path)), context(told, path.parent, [bound or point()])
        ):
            await until(lambda: told.downs)
            return told.downs[0]

    return asyncio.run(main())


def test_a_record_has_what_the_row_holds_and_no_more(tmp_path: Path) -> None:
    found, none = looked(database(tmp_path / "crm.sqlite"), 42, 43)

    assert found == Record(True, {"name": "Ada Lovelace", "balance": 12.5, "active": True})
    assert none == Record(False)


def test_a_number_and_its_text_are_the_same_key(tmp_path: Path) -> None:
    path = database(tmp_path / "crm.sqlite", "CREATE TABLE texts (number TEXT PRIMARY KEY, name TEXT)")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO texts VALUES ('42', 'by text')")
    by_text = point(table="texts", columns={"name": "name"})

    assert [one.found for one in looked(path, 42, 42.0, "42", " 42", "")] == [True, True, True, True, False]
    assert [one.found for one in looked(path, 42, 42.0, "42", " 42", bound=by_text)] == [True, True, True, False]


def test_two_rows_under_one_key_are_a_failure_not_a_choice(tmp_path: Path) -> None:
    path = database(tmp_path / "crm.sqlite", "CREATE TABLE twice (number, name)")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT INTO twice VALUES (7, ?)", [("a",), ("b",)])
    told = Told()
    (found,) = looked(path, 7, told=told, bound=point(table="twice", columns={"name": "name"}))

    assert (found.found, found.health) == (False, Health.FAILED)
    assert found.why == "2 or more records under 7 in twice; the key should be unique"
    assert any("has no index on number" in one for one in told.said)


def test_values_that_the_record_cannot_hold_are_left_out_and_said_once(tmp_path: Path) -> None:
    path = database(
        tmp_path / "crm.sqlite",
        "INSERT INTO customers VALUES (1, CAST(x'41ff' AS TEXT), 9e999, 2, x'0102')",
        "INSERT INTO customers VALUES (2, printf('%.*c', 9000, 'x'), NULL, 0, x'03')",
    )
    told = Told()
    first, second = looked(path, 1, 2, told=told)

    assert first == Record(True, {"active": 2})
    assert second == Record(True, {"active": False})
    assert [one.removeprefix("site: customers: ") for one in told.said] == [
        "name holds bytes that are no text",
        "balance is no finite number",
        "photo holds 2 bytes that are no text",
    ]


@pytest.mark.parametrize(
    ("bound", "why"),
    [
        (point(table="custmers"), "there is no table 'custmers'; did you mean 'customers'? tables: customers"),
        (point(key="numbr"), "table 'customers' has no column 'numbr'; did you mean 'number'? columns:"),
        (point(columns={"name": "full_name"}), "has no column 'full_name'; did you mean 'full name'?"),
        (point(columns={"name": 'full name" --'}), "has no column 'full name\" --'"),
        (point(table='customers" WHERE 1 --'), "there is no table"),
    ],
)
def test_what_is_missing_is_said_at_the_start_with_what_there_is(tmp_path: Path, bound: Point, why: str) -> None:
    assert why in refused(database(tmp_path / "crm.sqlite"), bound)


def test_no_database_and_one_that_is_none_are_said_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("no database at all, but longer than its header is " * 20)

    assert "there is no such file; correct `path`" in refused(tmp_path / "nothing.sqlite")
    assert "it is damaged, or no SQLite database" in refused(tmp_path / "text.sqlite")


def test_names_with_any_sign_are_names_and_never_statements(tmp_path: Path) -> None:
    table, key, column = 'a"; DROP TABLE customers; --', "käy'", 'va"l"ue'
    path = database(tmp_path / "crm.sqlite")
    quoted = [f'"{name}"' for name in (one.replace('"', '""') for one in (table, key, column))]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE {quoted[0]} ({quoted[1]} PRIMARY KEY, {quoted[2]})")
        connection.execute(f"INSERT INTO {quoted[0]} VALUES ('k', 'found')")
    bound = point(table=table, key=key, columns={"v": column})

    assert looked(path, "k", "x' OR '1'='1", bound=bound) == [Record(True, {"v": "found"}), Record(False)]
    assert looked(path, 42)[0].found


@given(st.text(max_size=20) | st.floats() | st.integers(-(2**80), 2**80).map(float))
@settings(max_examples=200, deadline=None)
def test_no_key_raises_or_finds_what_is_not_there(tmp_path_factory: Any, key: str | float) -> None:
    record = shared(tmp_path_factory).look(key)

    assert not record.found or key in (42, "42") or str(key).strip() in ("42", "42.0")


class Shared:
    """One device for many keys."""

    def __init__(self, path: Path) -> None:
        self._runner = asyncio.Runner()
        self._told = Told()
        self._device = DRIVER.open(SqliteRecordsSettings(path=str(path)), context(self._told, path.parent, [point()]))
        self._runner.run(self._begin())

    async def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._device.run())
        await until(lambda: self._told.is_up)

    def look(self, key: Any) -> Record:
        device: Any = self._device
        found: Record = self._runner.run(device.look("customers", key))
        return found


_SHARED: list[Shared] = []


def shared(factory: Any) -> Shared:
    if not _SHARED:
        _SHARED.append(Shared(database(factory.mktemp("records") / "crm.sqlite")))
    return _SHARED[0]


@contextmanager
def writing(path: Path) -> Iterator[list[int]]:
    """Other programs write all the time, in transactions of two rows that belong together."""
    stop, done = threading.Event(), [0]

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            number = 1000
            while not stop.is_set():
                number += 1
                with connection:
                    connection.execute("UPDATE customers SET balance = ? WHERE number = 42", (float(number),))
                    connection.execute('UPDATE customers SET "full name" = ? WHERE number = 42', (f"at {number}",))
                done[0] += 1
                stop.wait(0.005)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        yield done
    finally:
        stop.set()
        for writer in writers:
            writer.join()


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_while_others_write_each_look_sees_one_whole_state(tmp_path: Path, mode: str) -> None:
    path, told = database(tmp_path / "crm.sqlite", mode=mode), Told()

    async def main(done: list[int]) -> list[Record]:
        found = []
        own = SqliteRecordsSettings(path=str(path), within_s=5.0)
        async with running(DRIVER, own, context(told, tmp_path, [point()])) as device:
            await until(lambda: told.is_up)
            while done[0] < 40:
                found.append(await device.look("customers", 42))
        return found

    with writing(path) as done:
        found = asyncio.run(main(done))

    def is_whole(one: Record) -> bool:
        name, balance = one.fields["name"], one.fields["balance"]
        return name == f"at {balance:.0f}" or (name, balance) == ("Ada Lovelace", 12.5)

    torn = [one for one in found if one.found and not is_whole(one)]
    assert torn == []
    assert {one.why for one in found if not one.found} == set()
    assert len({one.fields["balance"] for one in found}) > 1


def test_a_database_locked_by_another_fails_the_look_and_is_up_again_by_itself(tmp_path: Path) -> None:
    path, told = database(tmp_path / "crm.sqlite", mode="DELETE"), Told()

    async def main() -> tuple[Record, Record]:
        own = SqliteRecordsSettings(path=str(path), within_s=0.05)
        async with running(DRIVER, own, context(told, tmp_path, [point()])) as device:
            await until(lambda: told.is_up)
            with closing(sqlite3.connect(path)) as other:
                other.execute("BEGIN EXCLUSIVE")
                locked = await device.look("customers", 42)
                await until(lambda: told.downs)
                other.rollback()
            await until(lambda: told.is_up)
            return locked, await device.look("customers", 42)

    locked, after = asyncio.run(main())

    assert locked.health is Health.FAILED and "locked by another program for 0.05 s" in locked.why
    assert after.found


def test_a_database_replaced_by_another_file_is_read_anew(tmp_path: Path) -> None:
    """A nightly export is moved over the old one; a connection that stays open would tell yesterday's for ever."""
    path, told = database(tmp_path / "crm.sqlite", mode="DELETE"), Told()
    database(tmp_path / "new.sqlite", "UPDATE customers SET balance = 99.0", mode="DELETE")

    async def main() -> list[Record]:
        async with running(DRIVER, SqliteRecordsSettings(path=str(path)), context(told, tmp_path, [point()])) as device:
            await until(lambda: told.is_up)
            before = await device.look("customers", 42)
            (tmp_path / "new.sqlite").rename(path)
            return [before, await device.look("customers", 42)]

    assert [one.fields["balance"] for one in asyncio.run(main())] == [12.5, 99.0]


def test_a_column_that_goes_while_it_runs_is_a_failure_and_never_its_own_name(tmp_path: Path) -> None:
    """SQLite takes a quoted name that no column has for a text: each record would hold the word `balance`."""
    path, told = database(tmp_path / "crm.sqlite"), Told()

    async def main() -> Record:
        async with running(DRIVER, SqliteRecordsSettings(path=str(path)), context(told, tmp_path, [point()])) as device:
            await until(lambda: told.is_up)
            with closing(sqlite3.connect(path)) as other:
                other.execute("ALTER TABLE customers RENAME COLUMN balance TO saldo")
            found: Record = await device.look("customers", 42)
            await until(lambda: told.downs)
            return found

    found = asyncio.run(main())

    assert (found.found, found.health) == (False, Health.FAILED)
    assert "has no column 'balance'" in told.downs[-1]


def test_a_look_without_end_ends_in_time(tmp_path: Path) -> None:
    path = database(
        tmp_path / "crm.sqlite",
        "CREATE VIEW endless AS WITH RECURSIVE n(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n)"
        " SELECT number, number AS name FROM n",
    )
    (found,) = looked(path, -1, bound=point(table="endless", columns={"name": "name"}), within_s=0.2)

    assert found.health is Health.FAILED and "not found within 0.2 s" in found.why


def test_it_never_changes_the_database(tmp_path: Path) -> None:
    path = database(tmp_path / "crm.sqlite", mode="DELETE")
    before = path.read_bytes()
    looked(path, 42, "x", 7.5)

    assert path.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["crm.sqlite"]


def test_a_cancelled_look_and_a_stop_in_mid_look_leave_nothing_behind(tmp_path: Path) -> None:
    path, told = database(tmp_path / "crm.sqlite"), Told()

    async def main() -> tuple[set[str], Record]:
        async with running(DRIVER, SqliteRecordsSettings(path=str(path)), context(told, tmp_path, [point()])) as device:
            await until(lambda: told.is_up)
            looks = [asyncio.create_task(device.look("customers", 42)) for _ in range(50)]
            await asyncio.sleep(0)
            for look in looks[::2]:
                look.cancel()
            await asyncio.wait(looks)
            assert all(look.result().found for look in looks[1::2])
        after = await device.look("customers", 42)
        return {thread.name for thread in threading.enumerate() if "sqlite" in thread.name}, after

    threads, after = asyncio.run(main())

    assert not {name for name in threads if "crm" in name} - {t.name for t in threading.enumerate()}
    assert after == Record(False, health=Health.FAILED, why="it is closed")
