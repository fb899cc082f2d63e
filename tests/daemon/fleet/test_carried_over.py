"""What a damaged or restored ledger still owed reaches the consumer once, under the epoch that it was numbered in."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from daemon.fleet.plant import Device, Other, settled
from daemon.fleet.virtual import SeededEntropy, VirtualClock, run, storage

from ripieno_daemon.fleet import Faults, MessageBroker
from ripieno_daemon.ledger import Ledger, begin_epoch
from ripieno_daemon.ledger.mending import NAME, Mending
from ripieno_daemon.ports.ledger_shelf import LedgerShelf
from ripieno_daemon.ports.sqlite import Connection

Rows = list[tuple[bytes, int, str]]


class OnTheLoop:
    """Stands for the shelf's thread in virtual time."""

    async def run(self, call: Callable[[], Any]) -> Any:
        return call()

    def stop(self) -> None:
        pass


class Mended(Device):
    """A device whose ledger is opened as the daemon opens it."""

    async def start(self) -> None:
        folder: Path = self._storage._root  # type: ignore[attr-defined]
        shelf = LedgerShelf(folder)
        shelf._thread = OnTheLoop()  # type: ignore[assignment]
        self.mending = Mending(self._storage, shelf, self._clock, self._entropy, lambda _text: None)
        original = Ledger.open
        opened = await self.mending.open(lambda database: original(database, self._clock, self._entropy, group_ms=20))

        async def already(*_: Any, **__: Any) -> Ledger:
            return opened

        Ledger.open = already  # type: ignore[method-assign, assignment]
        try:
            await super().start()
        finally:
            Ledger.open = original  # type: ignore[method-assign]
        self.ledger.on_epoch = self.outbox.on_epoch
        self._mends = asyncio.create_task(self.mending.run(self.ledger), name="mending")

    async def kill(self) -> None:
        self._mends.cancel()
        await asyncio.gather(self._mends, return_exceptions=True)
        await super().kill()
        await self.ledger._database.close()
        await self.mending.close()


async def has(other: Other) -> Rows:
    return await other._database.read(
        lambda tx: tx.execute("SELECT epoch, seq, kind FROM rows ORDER BY epoch, seq").fetchall()
    )


async def world(folder: Path, seed: int, faults: Faults) -> tuple[Mended, Other, VirtualClock]:
    clock, entropy, broker = VirtualClock(), SeededEntropy(seed), MessageBroker()
    device = Mended(storage(folder / "d"), broker.client("dev1", clock, entropy, faults=faults), clock, entropy)
    other = Other(storage(folder / "c"), broker.client("consumer", clock, entropy, faults=faults), clock, entropy)
    return device, other, clock


async def all_settled(device: Mended, clock: VirtualClock) -> bool:
    while any(not one.is_rescued for one in device.mending._set_aside):
        await clock.sleep(0.1)
    return await settled(device, clock, 300)


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_ledgers_rows_are_counted_once_and_its_holes_are_told(tmp_path: Path, seed: int) -> None:
    """Some have a receipt, some were delivered without one, some never left; then pages are lost; then kills."""
    chance = random.Random(seed)
    faults = Faults(drop=chance.choice([0.0, 0.3]), duplicate=chance.choice([0.0, 0.3]))
    ledger_file = tmp_path / "d" / NAME

    async def scenario() -> tuple[bytes, bytes, int, Rows]:
        device, other, clock = await world(tmp_path, seed, faults)
        await device.start()
        await other.start()
        old = device.ledger.epoch
        for _ in range(chance.randrange(3)):
            await device.add(40)
            await clock.sleep(chance.random() * 8)
        await other.kill()
        await device.add(chance.randrange(20, 300))
        last = device.ledger.last_seq
        await device.kill()
        with ledger_file.open("r+b") as file:
            for _ in range(chance.randrange(1, 4)):
                file.seek(chance.randrange(2, ledger_file.stat().st_size // 1024) * 1024)
                file.write(bytes(1024 * chance.randrange(1, 3)))
        await device.start()
        await other.start()
        await device.add(25)
        if chance.random() < 0.5:
            await clock.sleep(chance.random())
            await device.kill()
            await device.start()
        assert await all_settled(device, clock), "all that is left is delivered"
        new, rows = device.ledger.epoch, await has(other)
        for one in device.mending._set_aside:
            walk = await device.ledger.carried.progress(one.folder)
            assert walk is not None and walk.is_done
            (upto,) = await other._database.read(
                lambda tx: tx.execute("SELECT upto FROM marks WHERE epoch = ?", (old,)).fetchone()
            )
            assert upto >= walk.seq, "all that could be read is there, or told as missing"
        await device.kill()
        await other.kill()
        return old, new, last, rows

    old, new, last, rows = run(scenario())

    of_now = [(seq, kind) for epoch, seq, kind in rows if epoch == new]
    if new != old:
        assert of_now == [(seq, "decision") for seq in range(1, 26)]
        before = [seq for epoch, seq, kind in rows if epoch == old and kind == "decision"]
        assert before == sorted(set(before)) and (not before or before[-1] <= last)
    else:  # the pages that were lost are not used, or lie where nothing is read any more
        assert len(of_now) == last + 25


def test_a_restored_ledger_loses_and_doubles_nothing_though_its_device_had_lived_on(tmp_path: Path) -> None:
    copy = tmp_path / "copy"

    async def scenario() -> tuple[bytes, bytes, Rows, int]:
        device, other, clock = await world(tmp_path, 1, Faults())
        await device.start()
        await other.start()
        old = device.ledger.epoch
        await device.add(50)
        await clock.sleep(10)
        await device.add(30)
        await other.kill()
        await device.add(10)
        await device.kill()
        shutil.copytree(tmp_path / "d", copy)
        await device.start()  # it lives on for a while after the copy
        await other.start()
        await device.add(70)
        await settled(device, clock)
        delivered = len(await has(other))
        await device.kill()

        shutil.rmtree(tmp_path / "d")
        shutil.copytree(copy, tmp_path / "d")
        connection = Connection(tmp_path / "d" / NAME, durable=True)
        connection.write(lambda tx: begin_epoch(tx, b"restored", 7, "restored"))
        connection.close()
        await device.start()
        await device.add(5)
        assert await settled(device, clock)
        new, rows = device.ledger.epoch, await has(other)
        await device.kill()
        await other.kill()
        return old, new, rows, delivered

    old, new, rows, delivered = run(scenario())

    assert delivered == 160
    assert [seq for epoch, seq, _ in rows if epoch == old] == list(range(1, 161))
    assert [seq for epoch, seq, _ in rows if epoch == new] == list(range(1, 6))


def test_without_a_new_epoch_a_restored_ledgers_rows_are_taken_for_duplicates(tmp_path: Path) -> None:
    """The negative control: five results are lost, and nobody is told."""
    copy = tmp_path / "copy"

    async def scenario() -> int:
        device, other, clock = await world(tmp_path, 1, Faults())
        await device.start()
        await other.start()
        await device.add(50)
        await settled(device, clock)
        await device.kill()
        shutil.copytree(tmp_path / "d", copy)
        await device.start()
        await device.add(70)
        await settled(device, clock)
        await device.kill()
        shutil.rmtree(tmp_path / "d")
        shutil.copytree(copy, tmp_path / "d")
        await device.start()
        await device.add(5)
        await settled(device, clock, 30)
        count = len(await has(other))
        await device.kill()
        await other.kill()
        return count

    assert run(scenario()) == 120


def test_a_consumer_that_lacks_earlier_rows_is_told_of_them_as_a_hole(tmp_path: Path) -> None:
    """A consumer that was set up anew would refuse for ever what does not join on."""

    async def scenario() -> tuple[bytes, Rows]:
        device, other, clock = await world(tmp_path, 1, Faults())
        await device.start()
        await other.start()
        old = device.ledger.epoch
        await device.add(20)
        await settled(device, clock)
        await clock.sleep(6)
        await other.kill()
        await device.add(10)
        await device.kill()
        for path in (tmp_path / "c").iterdir():
            path.unlink()
        connection = Connection(tmp_path / "d" / NAME, durable=True)
        connection.write(lambda tx: begin_epoch(tx, b"restored", 7, "restored"))
        connection.close()
        await device.start()
        await other.start()
        assert await settled(device, clock)
        rows = await has(other)
        await device.kill()
        await other.kill()
        return old, rows

    old, rows = run(scenario())

    first = rows[0]
    assert (first[0], first[1], first[2]) == (old, 1, "gap")
    assert [seq for _, seq, kind in rows if kind == "decision"] == list(range(21, 31))


def test_a_carried_row_that_rots_meanwhile_is_a_hole(tmp_path: Path) -> None:
    async def scenario() -> Rows:
        device, other, clock = await world(tmp_path, 1, Faults())
        await device.start()
        await device.add(8)
        await device.kill()
        connection = Connection(tmp_path / "d" / NAME, durable=True)
        connection.write(lambda tx: begin_epoch(tx, b"restored", 7, "restored"))
        connection.close()
        with sqlite3.connect(tmp_path / "d" / NAME) as changed:
            changed.execute("UPDATE carried SET payload = x'6e6f' WHERE seq = 3")
        await device.start()
        await other.start()
        assert await settled(device, clock)
        rows = await has(other)
        await device.kill()
        await other.kill()
        return rows

    rows = run(scenario())

    assert [(seq, kind) for _, seq, kind in rows if kind == "gap"] == [(3, "gap")]
    assert [seq for _, seq, _ in rows] == list(range(1, 9))
