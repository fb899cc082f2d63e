"""The ledger keeps what it said is durable, in order, and says when it cannot."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ripieno.contracts.ports import Transaction
from ripieno.errors import StorageError
from ripieno_daemon.ledger import Ledger, verify
from ripieno_daemon.ports import DiskStorage, InlineStorage, SystemClock, SystemEntropy
from ripieno_daemon.ports.storage import DiskDatabase

T = TypeVar("T")


class FailingDatabase(DiskDatabase):
    """A disk that can be full."""

    is_full = False

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if self.is_full:
            raise StorageError("disk is full (free space)")
        return await super().write(work)


async def with_ledger(path: Path, body: Callable[[Ledger], Coroutine[Any, Any, T]], **options: Any) -> T:
    """Run `body` with an open ledger whose writer runs."""
    storage = DiskStorage(path)
    ledger = await Ledger.open(storage.database("ledger.sqlite"), SystemClock(), SystemEntropy(), **options)
    writer = asyncio.create_task(ledger.run(), name="ledger")
    try:
        return await body(ledger)
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        await ledger.close()


def test_records_come_back_in_order_after_the_snapshot(tmp_path: Path) -> None:
    async def fill(ledger: Ledger) -> None:
        for number in range(10):
            ledger.append("event", 1000 + number, b"payload %d" % number * 10)
        ledger.save_snapshot(b"state at 4", 4)
        await ledger.flush()

    async def read(ledger: Ledger) -> tuple[bytes | None, list[tuple[int, str, int, bytes]], int]:
        recovered = await ledger.recover()
        return recovered.snapshot, [tuple(row) async for row in recovered.records()], recovered.last_t_ns

    asyncio.run(with_ledger(tmp_path, fill))
    snapshot, rows, last_t_ns = asyncio.run(with_ledger(tmp_path, read))

    assert snapshot == b"state at 4"
    assert rows == [(n + 1, "event", 1000 + n, b"payload %d" % n * 10) for n in range(4, 10)]
    assert last_t_ns == 1009


def test_ids_and_the_chain_go_on_over_a_restart(tmp_path: Path) -> None:
    async def one(ledger: Ledger) -> tuple[int, bytes]:
        id = ledger.append("decision", 5, b"x", stream=True)
        await ledger.flush()
        return id, ledger.epoch

    first, second = (asyncio.run(with_ledger(tmp_path, one)) for _ in range(2))
    report = verify(tmp_path / "ledger.sqlite")

    assert (first[0], second[0]) == (1, 2)
    assert first[1] == second[1]
    assert report.is_whole and report.records == 2


def test_a_batch_is_written_after_the_window_without_a_flush(tmp_path: Path) -> None:
    async def wait(ledger: Ledger) -> int:
        committed = asyncio.get_running_loop().create_future()
        ledger.on_commit = lambda last_id: committed.done() or committed.set_result(last_id)
        ledger.append("event", 1, b"a")
        ledger.append("event", 2, b"b")
        return await asyncio.wait_for(committed, 5)

    assert asyncio.run(with_ledger(tmp_path, wait, group_ms=5)) == 2


def test_a_full_disk_alarms_once_and_the_refused_are_counted_in_a_gap_record(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[str | None], int, list[tuple[int, int, int]]]:
        alarms: list[str | None] = []
        database = FailingDatabase(tmp_path / "ledger.sqlite")
        ledger = await Ledger.open(
            database, SystemClock(), SystemEntropy(), group_ms=1, queue_rows=8, on_alarm=alarms.append
        )
        writer = asyncio.create_task(ledger.run(), name="ledger")
        database.is_full = True
        for number in range(20):
            ledger.append("event", number, b"x")
        for _ in range(2):
            with pytest.raises(StorageError):
                await ledger.flush()
        database.is_full = False
        await ledger.flush()
        ledger.append("event", 99, b"after")
        await ledger.flush()
        gaps = [
            struct.unpack(">qqq", payload)
            for id, kind, _, payload in await database.read(
                lambda tx: tx.execute(
                    "SELECT r.id, kind, t_ns, substr(payload, 2) FROM records r JOIN payloads p ON p.id = r.id"
                ).fetchall()
            )
            if kind == 64
        ]
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        await ledger.close()
        return alarms, ledger.refused, gaps

    alarms, refused, gaps = asyncio.run(scenario())

    assert [alarm is None for alarm in alarms] == [False, True]
    assert refused == 14  # a quarter of the queue is kept for the stream
    assert gaps == [(7, 14, 0)]
    assert verify(tmp_path / "ledger.sqlite").is_whole


def test_an_unknown_kind_is_answered_with_those_that_exist(tmp_path: Path) -> None:
    async def misuse(ledger: Ledger) -> None:
        ledger.append("guess", 0, b"")

    with pytest.raises(ValueError, match="there are event, decision"):
        asyncio.run(with_ledger(tmp_path, misuse))


def test_erased_payloads_leave_the_chain_whole(tmp_path: Path) -> None:
    async def fill(ledger: Ledger) -> int:
        for number in range(6):
            ledger.append("event", number, b"personal" * 9, stream=number % 2 == 0)
        ledger.save_snapshot(b"s", 6)
        ledger.save_mark("results", 1)
        await ledger.flush()
        return 0

    async def erase(ledger: Ledger) -> int:
        erased = await ledger.erase(1, 4, 7)
        await ledger.flush()
        return erased

    asyncio.run(with_ledger(tmp_path, fill))
    erased = asyncio.run(with_ledger(tmp_path, erase))
    report = verify(tmp_path / "ledger.sqlite")

    assert erased == 3  # 1, 2 and 4: record 3 is of the stream and has no receipt
    assert report.is_whole and report.erased == 3


def test_payloads_packed_with_an_older_dictionary_are_still_read(tmp_path: Path) -> None:
    texts = [b"rule pass saw look.label == normal at the gate %d" % number * 2 for number in range(3)]

    async def fill(ledger: Ledger) -> None:
        for text in texts:
            ledger.append("event", 1, text)

    async def read(ledger: Ledger) -> list[bytes]:
        return [row.payload async for row in ledger.records()]

    for words in (b"rule pass saw", b"look.label == normal", b"look.label == normal"):
        asyncio.run(with_ledger(tmp_path, fill, dictionary=words))

    assert asyncio.run(with_ledger(tmp_path, read)) == texts * 3
    assert verify(tmp_path / "ledger.sqlite").records == 9 + 2


def test_virtual_time_gives_the_same_head_as_the_disk(tmp_path: Path) -> None:
    class Still(SystemClock):
        def wall_ns(self) -> int:
            return 7

        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(0)

    class Zeros:
        def token(self, size: int) -> bytes:
            return bytes(size)

    async def fill(storage: DiskStorage | InlineStorage) -> tuple[int, str]:
        ledger = await Ledger.open(storage.database("l"), Still(), Zeros())
        for number in range(700):
            ledger.append("event", number, b"%d" % number)
        await ledger.close()
        return ledger.head()

    heads = [
        asyncio.run(fill(DiskStorage(tmp_path / "a"))),
        asyncio.run(fill(InlineStorage(tmp_path / "b", Still(), lambda _name: 0.01))),
    ]

    assert heads[0] == heads[1]
    assert heads[0][0] == 700
