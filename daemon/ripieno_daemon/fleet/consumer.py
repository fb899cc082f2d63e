"""The consumer: takes batches into a database, each row once, and gives the receipts that free them on the device.

One transaction for all that waits: of each batch rows up to the mark are skipped, a batch that does not join on is
refused with the mark, the rest is inserted and the mark moves. Then one receipt for each stream is published (it is
cumulative), then the broker's messages are acknowledged: whatever dies between, a batch comes again and is skipped.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ripieno.contracts.ports import Broker, Clock, Database, Entropy, Transaction
from ripieno.errors import BrokerError, StorageDamaged, StorageError

from ..seldom import is_said
from .consumer_tables import SQLITE
from .envelope import BadEnvelope, Sender, decode
from .topics import StreamTopic, Topics, every_stream, parse_stream

MARK = (
    "INSERT INTO marks (device, stream, epoch, upto) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (device, stream, epoch) DO UPDATE SET upto = excluded.upto"
)
RETRY_S = 1.0
MAX_ROWS = 1000
MAX_DROPPED = 1_000_000
GAP = struct.Struct(">qqq")  # first record id, count, count: as the ledger tells its own
EPOCH_BYTES = 8
QUEUE = 4096  # far above what brokers let be unacknowledged
GROUP = 64  # messages in one transaction
Message = tuple[str, bytes, Callable[[], None]]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A batch as it was sent, checked for form: rows, or how many are gone and the record id of the first of them."""

    stream: str
    epoch: bytes
    first: int
    rows: list[list[Any]]
    dropped: int = 0
    first_id: int = 0

    @property
    def count(self) -> int:
        """How many numbers it covers."""
        return self.dropped or len(self.rows)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a batch: skip so many rows, or refuse it. `upto` is the mark afterwards."""

    skip: int
    refused: bool
    upto: int


def judge(mark: int, first: int, count: int) -> Verdict:
    """Decide over a batch of `count` rows from number `first` on, where `mark` is the last number that is there."""
    if first > mark + 1:
        return Verdict(0, True, mark)
    last = first + count - 1
    return Verdict(min(count, mark - first + 1), False, max(mark, last))


def parse(body: Mapping[str, Any], stream: str) -> Incoming:
    """Return the batch in a message.

    Raises:
        BadEnvelope: it is none; the message says what is wrong.
    """
    epoch, first, rows = body.get("epoch"), body.get("first"), body.get("rows")
    if body.get("stream") != stream:
        raise BadEnvelope("batch", f"stream {body.get('stream')!r} on the topic of {stream!r}")
    if not isinstance(epoch, bytes) or len(epoch) != EPOCH_BYTES:
        raise BadEnvelope("batch", f"'epoch' should be {EPOCH_BYTES} bytes")
    dropped, first_id = body.get("dropped", 0), body.get("id", 0)
    if not all(type(number) is int and 0 <= number < 2**62 for number in (first, dropped, first_id)) or not first:
        raise BadEnvelope("batch", "'first', 'dropped' and 'id' should be numbers, 'first' above 0")
    if not isinstance(rows, list) or (bool(rows) == bool(dropped)) or len(rows) > MAX_ROWS or dropped > MAX_DROPPED:
        raise BadEnvelope("batch", f"1 to {MAX_ROWS} 'rows' are expected, or none and 'dropped'")
    for offset, row in enumerate(rows):
        if not isinstance(row, list) or [type(each) for each in row] != [int, int, str, int, bytes]:
            raise BadEnvelope("batch", f"row {offset} should be [seq, record id, kind, t_ns, payload]")
        if row[0] != first + offset:
            raise BadEnvelope("batch", f"row {offset} has number {row[0]}, not {first + offset}")
        if not all(-(2**63) <= each < 2**63 for each in (row[1], row[3])):
            raise BadEnvelope("batch", f"row {offset} has a number of more than 64 bits")
    return Incoming(stream, epoch, first, rows, dropped, first_id)


class Consumer:
    """One consumer of all streams of a fleet. Open with `Consumer.open`; `run()` is a task."""

    def __init__(
        self, database: Database, broker: Broker, clock: Clock, fleet: str, sender: Sender, say: Callable[[str], None]
    ) -> None:
        self._database, self._broker, self._clock, self._fleet = database, broker, clock, fleet
        self._sender, self._say = sender, say
        self._incoming: asyncio.Queue[Message] = asyncio.Queue(QUEUE)
        self.taken = self.skipped = self.gaps = self.refused = self.missing = 0

    @classmethod
    async def open(
        cls,
        database: Database,
        broker: Broker,
        clock: Clock,
        entropy: Entropy,
        fleet: str,
        *,
        name: str = "consumer",
        say: Callable[[str], None] = lambda _text: None,
        tables: Sequence[str] = SQLITE,
    ) -> Consumer:
        """Make the tables if they are not there. `tables`: the statements for this kind of database.

        Raises:
            StorageError: the disk refused.
        """

        def make(tx: Transaction) -> None:
            for statement in tables:
                tx.execute(statement)

        await database.write(make)
        boot = int.from_bytes(entropy.token(4), "big")
        return cls(database, broker, clock, fleet, Sender(name, boot, clock, entropy), say)

    async def run(self) -> None:
        """Take batches until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._work(), name="consumer database")
            group.create_task(
                self._broker.run([every_stream(self._fleet)], self._on_message, lambda: None, lambda _why: None),
                name="consumer broker",
            )

    def _on_message(self, topic: str, payload: bytes, ack: Callable[[], None]) -> None:
        try:
            self._incoming.put_nowait((topic, payload, ack))
        except asyncio.QueueFull:
            self.refused += 1  # not acknowledged: it comes again

    async def _work(self) -> None:
        while True:
            messages = [await self._incoming.get()]
            while len(messages) < GROUP and not self._incoming.empty():
                messages.append(self._incoming.get_nowait())
            await self._take_once_it_can(messages)

    async def _take_once_it_can(self, messages: Sequence[Message]) -> None:
        """What the database refuses stays where it is, unacknowledged, and the devices keep theirs."""
        in_trouble = False
        while True:
            try:
                await self.take(messages)
            except StorageDamaged:
                raise  # it will not come back by itself
            except StorageError as error:
                if not in_trouble:
                    self._say(f"ALARM results wait on their devices: {error}")
                in_trouble = True
                await self._clock.sleep(RETRY_S)
            else:
                if in_trouble:
                    self._say("results are taken again")
                return

    async def take(self, messages: Sequence[Message]) -> None:
        """Do all that these messages ask for.

        Raises:
            StorageError: the database refused; no message is acknowledged.
        """
        batches = [(read, ack) for topic, payload, ack in messages if (read := self._read(topic, payload, ack))]
        if not batches:
            return
        given = [batch for batch, _ in batches]
        verdicts = await self._database.write(lambda tx: [store(tx, *batch) for batch in given])
        answers: dict[tuple[StreamTopic, bytes], Verdict] = {}
        for (source, batch), verdict in zip(given, verdicts, strict=True):
            new = 0 if verdict.refused else batch.count - verdict.skip
            self.taken += 0 if batch.dropped else new
            self.missing += new if batch.dropped else 0
            self.skipped += verdict.skip
            self.gaps += verdict.refused
            key = source, batch.epoch
            refused = verdict.refused or (key in answers and answers[key].refused)
            answers[key] = Verdict(0, refused, verdict.upto)
        sent = {key for key, verdict in answers.items() if await self._answer(*key, verdict)}
        for (source, batch), ack in batches:
            if (source, batch.epoch) in sent:
                ack()

    def _read(self, topic: str, payload: bytes, ack: Callable[[], None]) -> tuple[StreamTopic, Incoming] | None:
        try:
            source = parse_stream(topic)
            return source, parse(decode(payload).body, source.stream)
        except (BadEnvelope, ValueError) as error:
            self.refused += 1
            if is_said(self.refused):
                self._say(f"{topic}: {error} ({self.refused} refused)")
            ack()  # it would come again for ever, and stand before all that is good
            return None

    async def _answer(self, source: StreamTopic, epoch: bytes, verdict: Verdict) -> bool:
        body: dict[str, Any] = {"stream": source.stream, "epoch": epoch, "upto": verdict.upto}
        if verdict.refused:
            body["gap"] = True
        topic = Topics(self._fleet, source.device).receipt(source.stream)
        try:
            await self._broker.publish(topic, self._sender.wrap("receipt", body))
        except BrokerError:
            return False
        return True


def store(tx: Transaction, source: StreamTopic, batch: Incoming) -> Verdict:
    """Put a batch into the database: what is new of it, and the mark."""
    key = (source.device, source.stream, batch.epoch)
    found = tx.execute("SELECT upto FROM marks WHERE device = ? AND stream = ? AND epoch = ?", key).fetchone()
    verdict = judge(found[0] if found else 0, batch.first, batch.count)
    if not verdict.refused and verdict.skip < batch.count:
        rows = batch.rows[verdict.skip :]
        if batch.dropped:  # one row for the hole, where it begins
            gap = GAP.pack(batch.first_id, batch.count - verdict.skip, batch.count - verdict.skip)
            rows = [[batch.first + verdict.skip, batch.first_id, "gap", 0, gap]]
        tx.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(*key, *row) for row in rows])
        tx.execute(MARK, (*key, verdict.upto))
    return verdict
