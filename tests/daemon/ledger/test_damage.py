"""A damaged ledger is set aside, another begins, and what was not delivered is carried over: never wrongly."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ripieno_daemon.ledger import Ledger, verify
from ripieno_daemon.ledger.epochs import Carried, read_all_carried
from ripieno_daemon.ledger.mending import Mending
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_daemon.ports.ledger_shelf import LedgerShelf

ROWS, RECEIPTED = 400, 37
NAME = "ledger.sqlite"


class Quick(SystemClock):
    """Waits for nothing."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


def payload(number: int) -> bytes:
    return random.Random(number).randbytes(90)


def filled(folder: Path, close: bool = True) -> bytes:
    """Make a ledger with results of which some have a receipt; return its epoch. `close` False: as a kill leaves it."""

    async def scenario() -> bytes:
        ledger = await Ledger.open(DiskStorage(folder).database(NAME), SystemClock(), SystemEntropy())
        writer = asyncio.create_task(ledger.run(), name="ledger")
        for number in range(1, ROWS + 1):
            ledger.append("event", number, b"an event")
            last = ledger.append("decision", number, payload(number), stream=True)
        ledger.save_snapshot(b"engine", last)
        ledger.save_mark("results", RECEIPTED)
        ledger._marked_ns -= int(10e9)
        await ledger.flush()
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        if close:
            await ledger.close()
        return ledger.epoch

    return asyncio.run(scenario())


def mending(folder: Path, said: list[str]) -> Mending:
    return Mending(DiskStorage(folder), LedgerShelf(folder, NAME), Quick(), SystemEntropy(), said.append)


async def opened(mend: Mending) -> Ledger:
    return await mend.open(lambda database: Ledger.open(database, SystemClock(), SystemEntropy(), group_ms=1))


async def rescued(mend: Mending, ledger: Ledger) -> None:
    """Let the background work come to its end."""
    task = asyncio.create_task(mend.run(ledger), name="mending")
    while any(not one.is_rescued for one in mend._set_aside):  # noqa: ASYNC110  nothing tells of it
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def started(folder: Path) -> tuple[Ledger, list[str], list[Carried]]:
    """Start on what is there; return the ledger (closed), what was said, and what is carried."""
    said: list[str] = []

    async def scenario() -> Ledger:
        mend = mending(folder, said)
        ledger = await opened(mend)
        await rescued(mend, ledger)
        ledger.append("event", 1, b"the line goes on")
        await ledger.close()
        await mend.close()
        return ledger

    ledger = asyncio.run(scenario())
    return ledger, said, read_all_carried(sqlite3.connect(folder / NAME))


def no_database(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 1024 * 1024)


def torn(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 5000)


def zeroed(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 3 // 1024 * 1024)
        file.write(bytes(8 * 1024))


def forged(path: Path) -> None:
    """A payload is another one: all pages are good, the chain is not."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE payloads SET payload = x'00ff' WHERE id = 700")


def emptied(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM meta")


@pytest.mark.parametrize("harm", [no_database, truncated, torn, zeroed, forged, emptied])
def test_a_damaged_ledger_is_set_aside_and_another_begins(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    old = filled(tmp_path)
    harm(tmp_path / NAME)
    before = (tmp_path / NAME).read_bytes()

    ledger, said, carried = started(tmp_path)

    (folder,) = tmp_path.glob("ledger.damaged-*")
    assert (folder / NAME).read_bytes() == before
    assert not verify(folder / NAME).is_whole if harm is not no_database else True
    assert ledger.epoch != old and verify(tmp_path / NAME).is_whole
    assert any(text.startswith("ALARM the record was damaged") for text in said)
    numbers = [number for row in carried for number in range(row.seq, row.upto + 1)]
    assert numbers == sorted(set(numbers)), "each number once"
    for row in carried:
        assert row.epoch == old
        assert row.payload in (b"", payload(row.seq)), "never a wrong one as right"
    if harm in (torn, zeroed, forged):
        assert numbers == list(range(RECEIPTED + 1, RECEIPTED + 1 + len(numbers))), "what is missing is told"
        assert harm is torn or numbers[-1] == ROWS
        assert sum(bool(row.payload) for row in carried) > 100


def test_a_whole_ledger_is_gone_on_with_however_it_was_left(tmp_path: Path) -> None:
    """The negative control: nothing is set aside without a reason."""
    for close in (True, False):
        folder = tmp_path / str(close)
        old = filled(folder, close)

        ledger, said, carried = started(folder)

        assert (ledger.epoch, said, carried) == (old, [], [])
        assert not list(folder.glob("ledger.damaged-*"))


def test_a_log_that_is_alone_is_kept_and_not_deleted_by_who_comes_first(tmp_path: Path) -> None:
    """SQLite deletes a write-ahead log that it finds beside an empty database."""
    filled(tmp_path, close=False)
    (tmp_path / NAME).unlink()
    log = (tmp_path / f"{NAME}-wal").read_bytes()
    assert len(log) > 10_000

    started(tmp_path)

    (folder,) = tmp_path.glob("ledger.damaged-*")
    assert (folder / f"{NAME}-wal").read_bytes() == log


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_ledger_that_is_gone_is_told_where_acts_were_recorded(tmp_path: Path, left: str) -> None:
    if left == "an empty file":
        (tmp_path / NAME).touch()
    _, said, _ = started(tmp_path)
    assert said == [], "a new device"

    for path in tmp_path.glob(f"{NAME}*"):
        path.unlink()
    (tmp_path / "intents").write_bytes(bytes(512) + b"an act" + bytes(600))
    if left == "an empty file":
        (tmp_path / NAME).touch()
    _, said, _ = started(tmp_path)
    assert said and "it is gone, or empty" in said[0]
    _, said, _ = started(tmp_path)
    assert said == []


def test_what_is_no_damage_sets_nothing_aside(tmp_path: Path) -> None:
    """A file that may not be opened, or another program's lock, is a person's to mend."""
    filled(tmp_path)
    before = (tmp_path / NAME).read_bytes()
    (tmp_path / "elsewhere").write_bytes(before)
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).symlink_to(tmp_path / "missing" / NAME)

    with pytest.raises(Exception, match=r"unable to open|No such file"):
        started(tmp_path)

    assert not list(tmp_path.glob("ledger.damaged-*"))


@pytest.mark.parametrize("change", ["unlink", "replace", "corrupt"])
def test_a_database_that_is_lost_under_a_running_ledger_costs_no_record(tmp_path: Path, change: str) -> None:
    """Control goes on; what was durable is salvaged, what waits is the first batch of the next."""
    said: list[str] = []
    path = tmp_path / NAME

    async def scenario() -> tuple[bytes, bytes, list[bytes], int, list[str | None]]:
        alarms: list[str | None] = []
        mend = mending(tmp_path, said)
        ledger = await opened(mend)
        ledger.on_alarm = alarms.append
        ledger.on_epoch = partial(ledger.append, "plan", 9, b"the plan, whole")
        old = ledger.epoch
        writer = asyncio.create_task(ledger.run(), name="ledger")
        for number in range(1, 21):
            ledger.append("decision", number, payload(number), stream=True)
        await ledger.flush()
        match change:
            case "unlink":
                path.unlink()
            case "replace":
                path.rename(tmp_path / "taken")
                path.write_bytes(b"another file")
            case "corrupt":
                await ledger._database.close()
                with path.open("r+b") as file:
                    file.write(bytes(1024))
                ledger._database = DiskStorage(tmp_path).database(NAME)
        for number in range(21, 31):
            ledger.append("decision", number, payload(number), stream=True)
        for _ in range(2000):
            if ledger.epoch != old and not ledger.waiting:
                break
            await asyncio.sleep(0.005)
        await rescued(mend, ledger)
        rows = [row.payload for row in await ledger.stream_rows(0, 0, 100, 1 << 20)]
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        await ledger.close()
        await mend.close()
        return old, ledger.epoch, rows, ledger.refused, alarms

    old, new, rows, refused, alarms = asyncio.run(scenario())

    assert old != new and refused == 0
    assert rows == [payload(number) for number in range(21, 31)]
    assert [alarm is None for alarm in alarms] == [False, True]
    report = verify(path)
    assert report.is_whole and report.epoch == new.hex()
    if change != "corrupt":
        carried = read_all_carried(sqlite3.connect(path))
        assert [(row.epoch, row.seq, row.payload) for row in carried] == [(old, n, payload(n)) for n in range(1, 21)]


def test_a_set_aside_ledger_is_told_until_somebody_acknowledges_it(tmp_path: Path) -> None:
    filled(tmp_path)
    no_database(tmp_path / NAME)

    async def told(acknowledge: bool) -> list[str]:
        mend = mending(tmp_path, [])
        ledger = await opened(mend)
        found = [one.folder for one in mend.unacknowledged]
        if acknowledge:
            await mend.acknowledge(found[0], "a person")
            assert not mend.unacknowledged
        await ledger.close()
        await mend.close()
        return found

    assert len(asyncio.run(told(False))) == 1
    assert len(asyncio.run(told(True))) == 1
    assert asyncio.run(told(False)) == []
