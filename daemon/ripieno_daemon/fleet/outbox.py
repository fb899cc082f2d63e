"""The outbox: sends the ledger's stream in order, again and again until the consumer's receipt.

Rows live in the ledger; the outbox has only positions, and what it read ahead: the ledger's one thread writes too, and
a read behind every message would wait for a commit each. A message holds at most 128 rows or 64 kB; at most 16
messages are without a receipt. Sending starts again behind the last receipt on every connect, when the consumer
reports a gap, and after 2 s without progress. A PUBACK says that a broker has a message, and brokers lose messages
(measured: 500 of 500): it frees nothing, unless the stream is declared `receipt: puback` for a site without a
consumer of ours.

What is given up for want of room is the oldest, is counted, and is told to the consumer as a hole (parcels.py). What an
older epoch of the ledger still owes is sent beside this (carried_over.py).

    batch    {stream, epoch, first, rows: [[seq, record id, kind, t_ns, payload], ...]} or {..., dropped: count}
    receipt  {stream, epoch, upto} and, when a batch did not join on, {gap: true}
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ripieno.contracts.ports import Broker, Clock
from ripieno.errors import BrokerError, StorageError

from ..ledger import Ledger, StreamRow
from .carried_over import CarriedOver
from .envelope import BadEnvelope, Sender, decode
from .message_broker import Unheard
from .parcels import Parcel, as_json, cut
from .topics import Topics

READ_ROWS, READ_BYTES = 256, 256 * 1024  # some milliseconds, which a commit may have to wait
WINDOW = 16
FLYING = 12  # messages without a PUBACK: the connection has 16 places, and answers to commands need some
PROGRESS_S = 2.0
REWIND_S = 0.5  # one gap in a full window is reported by all 15 messages behind it: rewind once
HOLD_S = 10.0  # after a message that the broker did not take, or that nobody has subscribed to
GIVEN_UP_AT_ONCE = 2000
MAX_RECEIPT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Quota:
    """How many rows may wait for a receipt. Above, the oldest are given up, but of the kinds in `keep`."""

    rows: int
    keep: frozenset[str] = frozenset({"alarm", "command", "notice", "outcome", "update"})


class Batch(NamedTuple):
    """A message on its way: its first and last number, and the ledger's record id of the last."""

    first: int
    last: int
    last_id: int


class Outbox:
    """One stream of one ledger, over one broker. `run()` is a task; the other methods are called on the loop.

    `receipt`: "consumer" (each row counts once) or "puback": each row goes out as plain JSON, to any subscriber, and
    is freed when the broker has it; what the broker or the subscriber loses then is lost. `quota` None: none.
    """

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        clock: Clock,
        topics: Topics,
        sender: Sender,
        *,
        stream: str = "results",
        receipt: str = "consumer",
        quota: Quota | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._ledger, self._broker, self._clock = ledger, broker, clock
        self._topics, self._sender, self._say = topics, sender, say
        self._stream, self._receipt, self._quota = stream, receipt, quota
        self._carried = CarriedOver(ledger, broker, clock, topics, sender, stream, receipt)
        self._mark = (0, 0)
        self._sent = (0, 0)
        self._window: list[Batch] = []
        self._ahead: deque[StreamRow] = deque()
        self._flying = 0
        self._is_up = False
        self._progress_ns = self._rewound_ns = self._held_until_ns = 0
        self._in_trouble = False
        self._wake = asyncio.Event()
        self.rewinds = self.refused = self.given_up = 0

    @property
    def receipted(self) -> int:
        """The highest sequence number that the consumer has."""
        return self._mark[0]

    @property
    def backlog(self) -> int:
        """Durable rows without a receipt, those of older epochs too."""
        return self._ledger.last_seq - self._mark[0] + self._ledger.carried.waiting

    def on_up(self) -> None:
        """The broker is there: what was on its way may be lost, send from the last receipt."""
        self._is_up = True
        self._carried.on_up()
        self._rewind()

    def on_down(self, _why: str = "") -> None:
        """The broker is away: rows wait where they are."""
        self._is_up = False
        self._carried.on_down()

    def on_epoch(self) -> None:
        """The ledger goes on in another database: numbers begin at 1 again, and nothing has a receipt."""
        self._mark = (0, 0)
        self._rewind()

    def on_commit(self, _last_id: int) -> None:
        """There may be new rows."""
        self._wake.set()

    def on_message(self, topic: str, payload: bytes, ack: Callable[[], None]) -> bool:
        """Take a receipt of this stream; False: this message is somebody else's."""
        if topic != self._topics.receipt(self._stream):
            return False
        try:
            body = decode(payload, MAX_RECEIPT_BYTES).body
            upto, epoch, gap = body["upto"], body["epoch"], body.get("gap", False)
            is_ours = epoch == self._ledger.epoch
            if type(upto) is not int or (is_ours and upto > self._ledger.last_seq):
                raise BadEnvelope("receipt", f"a receipt up to {upto!r}; the last row is {self._ledger.last_seq}")
        except (BadEnvelope, KeyError) as error:
            self.refused += 1
            self._say(f"receipt of {self._stream} refused: {error}")
        else:
            if is_ours:
                self._on_receipt(upto, gap is True)
            else:
                self._carried.on_receipt(epoch, upto, gap is True)
        ack()  # a receipt that is lost comes again with the rows that are sent again
        return True

    async def run(self) -> None:
        """Send until cancelled."""
        self._mark = self._sent = await self._ledger.read_mark(self._stream)
        self._progress_ns = self._clock.monotonic_ns()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(), name=f"outbox {self._stream} progress")
            group.create_task(self._carried.run(), name=f"outbox {self._stream} carried over")
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._may_send():
                    if not self._ahead and not await self._read_ahead():
                        break
                    if self._ahead and self._is_up:  # else: rewound, or cut off, meanwhile
                        self._send(group, cut(self._ahead))

    def _may_send(self) -> bool:
        # Without receipts the order of PUBACKs decides what is freed: one message's rows after the other's.
        flying = FLYING if self._receipt == "consumer" else 1
        if not self._is_up or len(self._window) >= WINDOW or self._flying >= flying:
            return False
        return self._clock.monotonic_ns() >= self._held_until_ns

    async def _read_ahead(self) -> bool:
        """Read the next rows; False: there are none, or the disk does not give them now."""
        from_, epoch = self._sent, self._ledger.epoch
        try:
            rows = await self._ledger.stream_rows(*from_, READ_ROWS, READ_BYTES)
        except StorageError:
            return False  # the ledger tells of a disk that refuses; `_watch` wakes us again
        if (self._sent, self._ledger.epoch) == (from_, epoch):
            self._ahead.extend(rows)
        return bool(rows)

    def _send(self, group: asyncio.TaskGroup, parcel: Parcel) -> None:
        batch = Batch(parcel.rows[0].seq, parcel.last, parcel.last_id)
        if not self._window:
            self._progress_ns = self._clock.monotonic_ns()
        self._window.append(batch)
        self._sent = (batch.last, batch.last_id)
        self._flying += 1
        publishing = self._publish(batch, self._messages(parcel))
        group.create_task(publishing, name=f"outbox {self._stream} {batch.first}")

    def _messages(self, parcel: Parcel) -> list[tuple[str, bytes]]:
        if self._receipt == "consumer":
            body = parcel.body(self._stream, self._ledger.epoch)
            return [(self._topics.stream(self._stream), self._sender.wrap("batch", body))]
        topic, device = self._topics.mirror(self._stream), self._topics.device
        return [(topic, as_json(row, device, self._stream, parcel.dropped)) for row in parcel.rows]

    async def _publish(self, batch: Batch, messages: list[tuple[str, bytes]]) -> None:
        epoch = self._ledger.epoch
        try:
            for topic, message in messages:
                await self._broker.publish(topic, message)
            self._in_trouble = False
            if epoch == self._ledger.epoch:
                self._on_puback(batch)
        except Unheard as error:
            self._hold(error)
        except BrokerError:
            pass  # without a receipt it is sent again: after the next connect, or for want of progress
        finally:
            self._flying -= 1
            self._wake.set()

    def _hold(self, error: Unheard) -> None:
        """The connection is good, and this will not get better by itself: tell a person, try seldom."""
        self._held_until_ns = self._clock.monotonic_ns() + int(HOLD_S * 1e9)
        if not self._in_trouble:
            self._in_trouble = True
            self._say(f"ALARM results of stream {self._stream} wait: {error}")

    def _on_puback(self, batch: Batch) -> None:
        """The broker has it. That frees a row only where the stream says so."""
        if self._receipt == "puback":
            self._free(batch.last)

    def _on_receipt(self, upto: int, gap: bool) -> None:
        """The consumer has all rows up to `upto` in its database."""
        if upto > self._mark[0]:
            self._free(upto)
        if gap and self._clock.monotonic_ns() - self._rewound_ns > REWIND_S * 1e9:
            self._rewind()

    def _free(self, upto: int) -> None:
        """Rows up to `upto` need not be kept. The mark goes to the disk with a later batch.

        Lost, it costs sending again.
        """
        known = max((batch.last_id for batch in self._window if batch.last <= upto), default=self._mark[1])
        self._mark = (upto, max(known, self._mark[1]))
        self._sent = max(self._sent, self._mark)
        while self._ahead and self._ahead[0].seq <= self._sent[0]:
            self._ahead.popleft()
        self._window = [batch for batch in self._window if batch.last > upto]
        self._progress_ns = self._clock.monotonic_ns()
        self._ledger.save_mark(self._stream, upto)
        self._wake.set()

    def _rewind(self) -> None:
        self._sent = self._mark
        self._ahead.clear()
        self._window.clear()
        self._rewound_ns = self._progress_ns = self._clock.monotonic_ns()
        self.rewinds += 1
        self._wake.set()

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(PROGRESS_S / 4)
            self._wake.set()  # what was held back may go
            await self._keep_quota()
            if self._window and self._clock.monotonic_ns() - self._progress_ns > PROGRESS_S * 1e9:
                self._rewind()

    async def _keep_quota(self) -> None:
        """Give up the oldest rows above the quota: their payloads go, and each hole is told to the consumer."""
        if self._quota is None or self._ledger.last_seq - self._mark[0] <= self._quota.rows:
            return
        upto = self._ledger.last_seq - self._quota.rows
        try:
            count = await self._ledger.give_up(self._mark[1], upto, self._quota.keep, GIVEN_UP_AT_ONCE)
        except StorageError:
            return  # the ledger tells of a disk that refuses
        if count and not self.given_up:
            self._say(
                f"ALARM {self.backlog} results of stream {self._stream} wait: the oldest are given up, and counted"
            )
        self.given_up += count
