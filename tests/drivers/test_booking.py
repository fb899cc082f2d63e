"""sqlite-booking: each act has one effect, whatever is asked again; a disk that refuses delays it and loses nothing."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

from ripieno.contracts.driver import Context
from ripieno.errors import LinkDown, StorageError
from ripieno.values import Act, Booking, DeviceDown, DeviceUp, OutcomeKind
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_drivers.booking.sqlite import BookingSettings, SqliteBooking


def booking(number: int) -> Booking:
    return Booking(Act(f"part-00000007-{number}", "stock", 0), "stock", "scrap", (("reason", "over"),))


def context(storage: Any, told: list[Any]) -> Context:
    nothing: Any = None
    return Context(
        device="warehouse",
        points=[],
        clock=SystemClock(),
        entropy=SystemEntropy(),
        lines=nothing,
        folder=nothing,
        storage=storage,
        intents=nothing,
        report=told.append,
        settled=told.append,
        say=told.append,
    )


async def serving(device: SqliteBooking, bookings: list[Booking]) -> list[OutcomeKind]:
    """Run the device, ask for the bookings, and stop it."""
    task = asyncio.create_task(device.run())
    async with asyncio.timeout(10):
        outcomes = [(await device.book(each)).kind for each in bookings]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return outcomes


def rows(path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT act, fields FROM bookings ORDER BY act").fetchall()


def test_a_booking_asked_for_again_after_a_crash_has_one_effect(tmp_path: Path) -> None:
    for _ in range(2):
        device = SqliteBooking(BookingSettings(path="stock.sqlite"), context(DiskStorage(tmp_path), []))
        outcomes = asyncio.run(serving(device, [booking(1), booking(1), booking(2)]))

        assert outcomes == [OutcomeKind.EXECUTED] * 3
    acts = [act for act, _ in rows(tmp_path / "stock.sqlite")]
    assert acts == ["part-00000007-1/stock/0", "part-00000007-2/stock/0"]


def test_what_is_no_number_or_no_text_is_booked_all_the_same(tmp_path: Path) -> None:
    odd = Booking(
        Act("a\ud800b", "stock", 0), "stock", "scrap", (("nan", float("nan")), ("half", "\ud800"), ("ok", 1.5))
    )
    device = SqliteBooking(BookingSettings(path="stock.sqlite"), context(DiskStorage(tmp_path), []))

    assert asyncio.run(serving(device, [odd])) == [OutcomeKind.EXECUTED]
    ((act, booked),) = rows(tmp_path / "stock.sqlite")
    assert act == "a\\ud800b/stock/0"
    assert json.loads(booked) == {"nan": None, "half": "\ud800", "ok": 1.5}


def test_a_stop_lets_nobody_wait(tmp_path: Path) -> None:
    async def main() -> BaseException | None:
        device = SqliteBooking(BookingSettings(path="stock.sqlite"), context(DiskStorage(tmp_path), []))
        waiting = asyncio.create_task(device.book(booking(1)))
        task = asyncio.create_task(device.run())
        await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait({task, waiting})
        return waiting.exception()

    assert isinstance(asyncio.run(main()), LinkDown)


def test_a_disk_that_refuses_delays_a_booking_and_loses_none(tmp_path: Path) -> None:
    class Refusing:
        """The first three writes fail."""

        def __init__(self) -> None:
            self.real = DiskStorage(tmp_path)
            self.left = 3

        def database(self, name: str) -> Any:
            outer, real = self, self.real.database(name)

            class Database:
                async def write(self, work: Any) -> Any:
                    if outer.left:
                        outer.left -= 1
                        raise StorageError("no space left")
                    return await real.write(work)

                async def close(self) -> None:
                    await real.close()

            return Database()

    told: list[Any] = []
    device = SqliteBooking(BookingSettings(path="stock.sqlite"), context(Refusing(), told))
    outcomes = asyncio.run(serving(device, [booking(1)]))

    assert outcomes == [OutcomeKind.EXECUTED]
    assert len(rows(tmp_path / "stock.sqlite")) == 1
    standing = [type(each) for each in told if not isinstance(each, str)]
    assert standing == [DeviceDown, DeviceUp], "each change once"
