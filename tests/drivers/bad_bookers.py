"""Drivers of services that break their promises, each in one way: what the conformance kit must notice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from ripieno.contracts.driver import Driver
from ripieno.errors import DeviceError, LinkDown
from ripieno.values import Booking, Outcome, OutcomeKind, Record
from ripieno_drivers.booking import http as http_booking
from ripieno_drivers.booking import sqlite as sqlite_booking
from ripieno_drivers.records import sqlite as sqlite_records


class FreshKeys(http_booking.HttpBooking):
    """Makes a new key for each try: the classic."""

    async def book(self, booking: Booking) -> Outcome:
        service = self._service
        while True:
            await service.reached()
            self.tries = getattr(self, "tries", 0) + 1
            request = self._request(booking)
            key = ("Idempotency-Key", f"{booking.act}#{self.tries}")
            try:
                answer = await service.ask(replace(request, headers=(key, *request.headers[1:])))
            except LinkDown:
                raise
            except DeviceError:
                await service.pause(0.2)
                continue
            return self._judged(booking, answer) or Outcome(booking.act, OutcomeKind.NOT_EXECUTED, "no")


class NoKeys(http_booking.HttpBooking):
    """Sends no key at all."""

    def _request(self, booking: Booking) -> Any:
        made = super()._request(booking)
        return replace(made, headers=made.headers[1:])


class Optimist(http_booking.HttpBooking):
    """Takes what is not answered for done."""

    async def book(self, booking: Booking) -> Outcome:
        await self._service.reached()
        try:
            await self._service.ask(self._request(booking))
        except LinkDown:
            raise
        except DeviceError:
            pass
        return Outcome(booking.act, OutcomeKind.EXECUTED)


class Pessimist(http_booking.HttpBooking):
    """Takes what is not answered for not done."""

    async def book(self, booking: Booking) -> Outcome:
        await self._service.reached()
        try:
            await self._service.ask(self._request(booking))
        except LinkDown:
            raise
        except DeviceError as error:
            return Outcome(booking.act, OutcomeKind.NOT_EXECUTED, str(error))
        return Outcome(booking.act, OutcomeKind.EXECUTED)


class Leaves(sqlite_booking.SqliteBooking):
    """Lets who waits wait when it ends."""

    async def book(self, booking: Booking) -> Outcome:
        try:
            return await super().book(booking)
        except LinkDown:
            await asyncio.get_running_loop().create_future()
            raise


class Doubles(sqlite_booking.SqliteBooking):
    """Inserts, whether or not the act is there."""

    async def book(self, booking: Booking) -> Outcome:
        await self._opened.wait()
        assert self._database is not None
        await self._database.write(lambda tx: tx.execute("DROP TABLE bookings"))
        await self._database.write(lambda tx: tx.execute("CREATE TABLE bookings (act, output, verb, wall_ns, fields)"))
        for _ in range(2):
            await self._database.write(
                lambda tx: tx.execute("INSERT INTO bookings VALUES (?, '', '', 0, '')", (str(booking.act),))
            )
        return Outcome(booking.act, OutcomeKind.EXECUTED)


class Keeps(sqlite_booking.SqliteBooking):
    """Never gives its database back, and does not end when it is told to."""

    async def run(self) -> None:
        assert self._context.storage is not None
        self.lost = self._context.storage.database("other.sqlite")
        try:
            await super().run()
        finally:
            await asyncio.sleep(3)


class Mixes(sqlite_records.SqliteRecords):
    """Forgets whose look-up it was while it waited."""

    async def look(self, input: str, key: str | float) -> Record:
        self.wanted = key
        await asyncio.sleep(0.001)
        return await super().look(input, self.wanted)


class Raises(sqlite_records.SqliteRecords):
    """Raises where a person must be told."""

    async def look(self, input: str, key: str | float) -> Record:
        found = await super().look(input, key)
        if found.why:
            raise DeviceError(found.why)
        return found


class Shrugs(sqlite_records.SqliteRecords):
    """Says that there is no record where it could not look."""

    async def look(self, input: str, key: str | float) -> Record:
        found = await super().look(input, key)
        return Record(False) if found.why else found


class Chooses(sqlite_records.SqliteRecords):
    """Takes the first of two."""

    async def look(self, input: str, key: str | float) -> Record:
        found = await super().look(input, key)
        return Record(True, {"name": "one", "paid": True}) if "2 or more" in found.why else found


def made(driver: Driver, device: type) -> Driver:
    """Return a driver with another device."""
    return replace(driver, open=device)


HTTP, BOOK, LOOK = http_booking.DRIVER, sqlite_booking.DRIVER, sqlite_records.DRIVER
