"""A ledger that was restored numbers its rows anew, under another epoch, and loses none that was not delivered."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from ripieno.contracts.ports import Transaction
from ripieno.errors import StorageError
from ripieno_daemon.ledger import Ledger, begin_epoch, verify
from ripieno_daemon.ledger.epochs import count_carried, free_carried, read_carried
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_daemon.ports.sqlite import Connection

NEW = b"epoch-02"


def filled(folder: Path, rows: int = 12, receipted: int = 5) -> bytes:
    """Make a ledger with `rows` rows of the stream, as many other records, and return its epoch."""

    async def scenario() -> bytes:
        ledger = await Ledger.open(
            DiskStorage(folder).database("l"), SystemClock(), SystemEntropy(), dictionary=b"a part"
        )
        for number in range(rows):
            ledger.append("event", number, b"an event")
            last = ledger.append("decision", number, b"a part %d " % (number + 1) * 9, stream=True)
        ledger.save_snapshot(b"engine", last)
        if receipted:
            ledger.save_mark("results", receipted)
        await ledger.close()
        return ledger.epoch

    return asyncio.run(scenario())


def anew(folder: Path, epoch: bytes = NEW) -> int:
    connection = Connection(folder / "l", durable=True)
    try:
        return connection.write(lambda tx: begin_epoch(tx, epoch, 7, "restored"))
    finally:
        connection.close()


def seen(folder: Path) -> Transaction:
    return sqlite3.connect(folder / "l")


def test_numbers_begin_at_one_again_and_what_has_no_receipt_is_carried_under_its_own_epoch(tmp_path: Path) -> None:
    old = filled(tmp_path)

    assert anew(tmp_path) == 7

    rows = read_carried(seen(tmp_path), 100, 1 << 20)
    assert {row.epoch for row in rows} == {old}
    assert [(row.seq, row.payload) for row in rows] == [(n, b"a part %d " % n * 9) for n in range(6, 13)]

    async def goes_on() -> None:
        ledger = await Ledger.open(DiskStorage(tmp_path).database("l"), SystemClock(), SystemEntropy())
        recovered = await ledger.recover()
        past = [row async for row in recovered.records()]
        assert (ledger.epoch, ledger.last_seq, recovered.snapshot, past) == (NEW, 0, None, [])
        mark = await ledger.read_mark("results")
        assert await ledger.stream_rows(*mark, 100, 1 << 20) == []
        ledger.append("decision", 99, b"the first of the new epoch", stream=True)
        writer = asyncio.create_task(ledger.run(), name="ledger")
        await ledger.flush()
        assert [(row.seq, row.payload) for row in await ledger.stream_rows(*mark, 100, 1 << 20)] == [
            (1, b"the first of the new epoch")
        ]
        ledger.save_mark("results", 1)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        await ledger.close()

    asyncio.run(goes_on())
    report = verify(tmp_path / "l")
    assert report.is_whole, report.damage
    assert report.epoch == NEW.hex() and report.records == 25 + 1 + 1


def test_an_epoch_that_follows_another_carries_the_rows_of_both(tmp_path: Path) -> None:
    old = filled(tmp_path, rows=3, receipted=0)
    anew(tmp_path)

    async def goes_on() -> None:
        ledger = await Ledger.open(DiskStorage(tmp_path).database("l"), SystemClock(), SystemEntropy())
        ledger.append("decision", 99, b"of the second epoch", stream=True)
        await ledger.close()

    asyncio.run(goes_on())
    assert anew(tmp_path, b"epoch-03") == 1

    tx = seen(tmp_path)
    assert count_carried(tx) == 4
    first = read_carried(tx, 100, 1 << 20)
    assert [(row.epoch, row.seq) for row in first] == [(old, 1), (old, 2), (old, 3)]
    free_carried(tx, old, 3)
    assert [(row.epoch, row.seq) for row in read_carried(tx, 100, 1 << 20)] == [(NEW, 1)]
    assert verify(tmp_path / "l").is_whole


def test_a_new_epoch_needs_a_new_name_and_an_empty_ledger_needs_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert anew(tmp_path / "empty") == 0
    assert verify(tmp_path / "empty" / "l").epoch == NEW.hex()

    filled(tmp_path / "full")
    anew(tmp_path / "full")
    with pytest.raises(StorageError, match="name of its own"):
        anew(tmp_path / "full")


def test_a_file_that_is_no_ledger_is_refused_and_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "l").write_bytes(os.urandom(5000))
    before = (tmp_path / "l").read_bytes()

    with pytest.raises(StorageError, match="not a database"):
        anew(tmp_path)

    assert (tmp_path / "l").read_bytes() == before


def test_without_a_new_epoch_the_numbers_of_a_restored_ledger_are_used_twice(tmp_path: Path) -> None:
    """Why it is done: the negative control."""
    filled(tmp_path / "device", rows=2)
    shutil.copytree(tmp_path / "device", tmp_path / "copy")

    async def next_row(folder: Path, text: bytes) -> tuple[bytes, int]:
        ledger = await Ledger.open(DiskStorage(folder).database("l"), SystemClock(), SystemEntropy())
        ledger.append("decision", 9, text, stream=True)
        await ledger.close()
        return ledger.epoch, ledger.last_seq

    lived_on = asyncio.run(next_row(tmp_path / "device", b"this was delivered"))
    restored = asyncio.run(next_row(tmp_path / "copy", b"this would be taken for it"))
    assert lived_on == restored

    (tmp_path / "third").mkdir()
    shutil.copy(tmp_path / "device" / "l", tmp_path / "third" / "l")
    anew(tmp_path / "third")
    assert asyncio.run(next_row(tmp_path / "third", b"this is not")) != restored
