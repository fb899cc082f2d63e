"""Sends what is carried over from older epochs of the ledger, each row under the epoch that it was numbered in.

One message, then its receipt, then the next: this happens once in the life of a device, after a restored or a damaged
ledger, and beside the rows of now. A consumer that lacks numbers before the first row is told of them as a hole.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from ripieno.contracts.ports import Broker, Clock
from ripieno.errors import BrokerError, StorageError

from ..ledger import Ledger, StreamRow
from ..ledger.epochs import Carried
from ..ledger.kinds import name_of
from .envelope import Sender
from .parcels import Parcel, as_json, cut
from .topics import Topics

ROWS, BYTES = 128, 64 * 1024
RECEIPT_S: Final = 2.0
RETRY_S: Final = 1.0
HOLE_AT_ONCE: Final = 100_000  # the consumer takes a million in a message


class CarriedOver:
    """The older epochs of one stream. `run()` is a task; the other methods are called on the loop."""

    def __init__(
        self, ledger: Ledger, broker: Broker, clock: Clock, topics: Topics, sender: Sender, stream: str, receipt: str
    ) -> None:
        self._rows, self._broker, self._clock = ledger.carried, broker, clock
        self._topics, self._sender, self._stream, self._receipt = topics, sender, stream, receipt
        self._news = asyncio.Event()
        self._is_up = False
        self._epoch, self._has = b"", 0  # what the consumer says it has of the epoch that is being sent
        self._is_answered, self._lacks_before = False, False
        self._rows.on_more = self._news.set

    def on_up(self) -> None:
        """The broker is there."""
        self._is_up = True
        self._news.set()

    def on_down(self) -> None:
        """The broker is away: rows wait where they are."""
        self._is_up = False

    def on_receipt(self, epoch: bytes, upto: int, gap: bool) -> None:
        """The consumer has all rows of an older epoch up to `upto`; `gap`: it lacks some before what it was sent."""
        if epoch == self._epoch:
            self._has = max(self._has, upto)
            self._is_answered, self._lacks_before = True, gap
            self._news.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            try:
                await self._send_next()
            except StorageError:
                await self._clock.sleep(RETRY_S)  # the ledger tells of a disk that refuses

    async def _send_next(self) -> None:
        rows = await self._rows.next(ROWS, BYTES) if self._is_up and self._rows.waiting else []
        if not rows:
            await self._wait(None)
            return
        if rows[0].epoch != self._epoch:
            self._epoch, self._has = rows[0].epoch, 0
        parcel = self._parcel(rows)
        self._is_answered = self._lacks_before = False
        try:
            await self._publish(parcel)
        except BrokerError:
            await self._wait(RETRY_S)
            return
        if self._receipt == "puback":
            self._has, self._is_answered = parcel.last, True
        while not self._is_answered:
            if not await self._wait(RECEIPT_S):
                return  # it is sent again
        if self._has:
            await self._rows.free(self._epoch, self._has)

    def _parcel(self, rows: list[Carried]) -> Parcel:
        """Return the next message: rows, a hole, or the hole before the first row that the consumer lacks too."""
        first = rows[0]
        if self._lacks_before and first.seq > self._has + 1:
            return _hole(first, self._has + 1, first.seq - 1)
        if first.upto > first.seq:
            return _hole(first, max(first.seq, self._has + 1), first.upto)
        single = next((at for at, row in enumerate(rows) if row.upto > row.seq), len(rows))
        return cut(deque(StreamRow(row.seq, row.id, name_of(row.kind), row.t_ns, row.payload) for row in rows[:single]))

    async def _publish(self, parcel: Parcel) -> None:
        if self._receipt == "consumer":
            body = parcel.body(self._stream, self._epoch)
            await self._broker.publish(self._topics.stream(self._stream), self._sender.wrap("batch", body))
            return
        for row in parcel.rows:
            message = as_json(row, self._topics.device, self._stream, parcel.dropped)
            await self._broker.publish(self._topics.mirror(self._stream), message)

    async def _wait(self, seconds: float | None) -> bool:
        """Wait for news; False: none within that time."""
        self._news.clear()
        if seconds is None:
            await self._news.wait()
            return True
        news = asyncio.create_task(self._news.wait(), name="carried news")
        late = asyncio.create_task(self._clock.sleep(seconds), name="carried late")
        try:
            await asyncio.wait((news, late), return_when=asyncio.FIRST_COMPLETED)
            return self._news.is_set()
        finally:
            news.cancel()
            late.cancel()
            await asyncio.gather(news, late, return_exceptions=True)


def _hole(row: Carried, first: int, last: int) -> Parcel:
    last = min(last, first + HOLE_AT_ONCE - 1)
    return Parcel([StreamRow(first, row.id, "gap", row.t_ns, b"")], last - first + 1, last, row.id)
