"""Negative controls: with one protection taken out, what it protects from happens, and tests like these see it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from drivers.site.contexts import Told, booking, context, running, until
from drivers.site.http_server import cut, raw, serving, times
from drivers.site.test_files import ASKED, put
from drivers.site.test_http_booking import POINTS, booked, effect_then
from drivers.site.test_http_records import looks, served
from drivers.site.test_sqlite_records import database, looked, point

from ripieno.values import OutcomeKind
from ripieno_daemon.ports import DiskFiles
from ripieno_daemon.ports.network import TcpStream
from ripieno_daemon.ports.sqlite_reader import Reader
from ripieno_drivers.files import DRIVER as FILES
from ripieno_drivers.files.letters import Letters
from ripieno_drivers.files.settings import FilesSettings
from ripieno_drivers.http import address
from ripieno_drivers.records import schema


@pytest.mark.parametrize("protected", [True, False])
def test_without_a_look_at_what_nobody_asked_for_a_booking_is_lost(tmp_path: Path, protected: bool) -> None:
    """An answer that comes twice says `done` of the next booking, which the service has never read."""
    twice = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n" * 2
    quiet = mock.patch.object(TcpStream, "is_quiet", property(lambda self: not self._is_closed))
    goes_on = mock.patch("ripieno_drivers.http.exchange.Exchanges._go_on", _goes_on_whatever_is_left)
    with serving() as service, nullcontext() if protected else quiet, nullcontext() if protected else goes_on:
        service.faults += [times(1, effect_then(raw(twice, then_cut=False))(service)), times(1, cut)]

        async def work(device: Any) -> list[Any]:
            first = await device.book(booking(1))
            await asyncio.sleep(0.05)
            return [first, await device.book(booking(2))]

        outcomes = booked(service, tmp_path, Told(), work, POINTS)

    assert [one.kind for one in outcomes] == [OutcomeKind.EXECUTED] * 2
    assert sum(service.effects.values()) == (2 if protected else 1)


def _goes_on_whatever_is_left(self: Any) -> None:
    left, _ = self._http.trailing_data
    self._http.start_next_cycle() if not left else self.__dict__.update(_http=_fed(left))
    self._used = True


def _fed(left: bytes) -> Any:
    import h11

    http = h11.Connection(h11.CLIENT)
    http.receive_data(left)
    return http


def test_without_a_name_before_each_column_a_missing_one_is_found_in_every_row(tmp_path: Path) -> None:
    real = schema.quoted
    path = database(tmp_path / "crm.sqlite")

    def prepared(tx: Any, input: str, wanted: Any) -> Any:
        columns = ", ".join(real(column) for column in wanted.columns.values())
        sql = f"SELECT {columns} FROM {real(wanted.table)} AS r WHERE r.{real(wanted.key)} = ? LIMIT 2"
        return schema.Query(sql, tuple(wanted.columns), frozenset(), False)

    with mock.patch("ripieno_drivers.records.sqlite.prepared", prepared):
        (found,) = looked(path, 42, bound=point(columns={"balance": "saldo"}))

    assert found.fields == {"balance": "saldo"}, "the column's own name, as if it were a value"


def test_without_a_look_at_the_file_an_export_that_was_replaced_is_read_for_ever(tmp_path: Path) -> None:
    path = database(tmp_path / "crm.sqlite", mode="DELETE")
    new = database(tmp_path / "new.sqlite", "UPDATE customers SET balance = 99.0", mode="DELETE")

    def opened(self: Any) -> Any:
        self._sqlite = self._sqlite or self._open()
        return self._sqlite

    def balance(tx: Any) -> float:
        return float(tx.execute("SELECT balance FROM customers WHERE number = 42").fetchone()[0])

    seen = []
    for replaced in (Reader._opened, opened):
        with mock.patch.object(Reader, "_opened", replaced):
            reader = Reader(path, 1.0)
            before = reader.read(balance)
            with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(new)) as other:
                found, export = old.serialize(), other.serialize()
            draft = tmp_path / "draft"
            draft.write_bytes(export if before == 12.5 else found)
            draft.rename(path)
            seen.append((before, reader.read(balance)))
            reader.close()

    assert seen[0] == (12.5, 99.0)
    assert seen[1] == (99.0, 99.0), "12.5 is what the file holds by now"


@pytest.mark.parametrize("key", ["../admin", ""])
def test_without_a_look_at_the_key_another_place_is_asked(tmp_path: Path, key: str) -> None:
    with serving() as service, mock.patch.object(address, "encoded", lambda value: value):
        service.records = {"/customers/../admin": {"name": "root"}, "/customers/": {"name": "everybody"}}
        (found,) = served(service, tmp_path, looks(key))

    assert found.found


def test_without_a_claim_before_it_is_read_a_name_written_again_is_lost(tmp_path: Path) -> None:
    told, inbox, durable = Told(), tmp_path / "in", asyncio.Event()
    inbox.mkdir()

    async def claimed(self: Any, name: str) -> str:
        return name  # where it is

    class InPlace(DiskFiles):
        async def read(self, path: str, most: int) -> Any:
            return await super().read(path.replace("/taken/", "/"), most)

        async def move(self, path: str, folder: str) -> str:
            return await super().move(path.replace("/taken/", "/"), folder)

    async def main() -> None:
        ports = {"files": InPlace(tmp_path), "recorded": durable.wait}
        own = context(told, tmp_path, [ASKED], **ports)
        async with asyncio.timeout(10), running(FILES, FilesSettings(path=str(tmp_path)), own):
            await until(lambda: told.is_up)
            put(inbox, "order.json", '{"n": 1}')
            await until(lambda: told.messages)
            put(inbox, "order.json", '{"n": 2}')
            durable.set()
            await until((inbox / "done/order.json").exists)
            await asyncio.sleep(0.2)

    with mock.patch.object(Letters, "_claimed", claimed):
        asyncio.run(main())

    assert [dict(one.body) for one in told.messages] == [{"n": 1}]
    assert (inbox / "done/order.json").read_text() == '{"n": 2}', "put away, and never read"
