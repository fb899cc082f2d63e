"""The ledger: records get their id at once and become durable in groups.

`append` queues and returns. `run` (one task, owned by the daemon) writes a batch when `group_ms` have passed since
its first record, when it has `GROUP_ROWS`, or when someone waits in `flush`. When the disk does not take a batch it
is tried again every `RETRY_S`; meanwhile the queue fills. Full, it refuses what is new (records of the stream only
when even the share kept for them is used), counts, and writes a `gap` record with the count as soon as the disk is
back. A database that turns out to be damaged is replaced, where there is a way to (`replace`), between two batches:
what waits is the first batch of the next.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from functools import partial

from ripieno.contracts.ports import Clock, Database, Entropy
from ripieno.errors import StorageDamaged, StorageError

from . import batch, erasing, kinds
from .batch import Waiting
from .carrying import CarriedRows
from .either import either
from .gap import Gap
from .packing import MAX_DICTIONARY_BYTES, MAX_PAYLOAD_BYTES, Packer
from .record import first_chain
from .rows import RecordRow, Recovered, StreamRow

GROUP_ROWS = 500
QUEUE_ROWS = 20_000
STREAM_SHARE = 0.25  # of the queue, kept for records of the stream
RETRY_S = 1.0
MARK_S = 5.0  # a mark in every batch would cost a page each; one that is lost costs sending some rows again
READ_ROWS = 500


class Ledger:
    """One ledger in one database. Open with `Ledger.open`, run `run()` in a task, `close()` at the end.

    `on_commit(last_id)`: all records up to it are durable. `on_alarm(text)`: once when the disk stops taking records;
    `on_alarm(None)`: once when it takes them again. Both are called on the loop and must not raise.

    `attempts`: batches that the disk took or refused; it stands still while the disk does neither.
    `carried`: rows of older epochs. `replace(database, why)`: gives a new database for a damaged one, and its epoch.
    `on_epoch`: called on the loop when another database is begun while the line runs; what is appended then, and a
    snapshot that is saved then, are in its first batch.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        held: batch.Held,
        *,
        group_ms: float,
        queue_rows: int,
        on_commit: Callable[[int], None],
        on_alarm: Callable[[str | None], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._held = held
        self._tip = held.tip
        self._packer = Packer(held.dictionary)
        self._group_s = group_ms / 1000
        self._queue_rows = queue_rows
        self.on_commit = on_commit
        self.on_alarm = on_alarm
        self._next_id = held.tip.id + 1
        self._queue: deque[Waiting] = deque()
        self._snapshot: tuple[bytes, int] | None = None
        self._marks: dict[str, int] = {}
        self._marked_ns = clock.monotonic_ns()
        self._first, self._now = asyncio.Event(), asyncio.Event()
        self._flushed: list[tuple[int, asyncio.Future[None]]] = []
        self._gap = Gap()
        self._in_trouble = False
        self._damage: StorageDamaged | None = None
        self._is_begun = True  # the database has its tables
        self.replace: Callable[[Database, str], Awaitable[tuple[Database, bytes]]] | None = None
        self.on_epoch: Callable[[], None] = lambda: None
        self.carried = CarriedRows(lambda: self._database)
        self.refused = 0
        self.attempts = 0

    @classmethod
    async def open(
        cls,
        database: Database,
        clock: Clock,
        entropy: Entropy,
        *,
        group_ms: float = 250,
        queue_rows: int = QUEUE_ROWS,
        dictionary: bytes = b"",
        on_commit: Callable[[int], None] = lambda _last_id: None,
        on_alarm: Callable[[str | None], None] = lambda _text: None,
    ) -> Ledger:
        """Open or make the ledger.

        `dictionary`: words that payloads repeat (the plan's names), at most 7 kB, the most frequent last.

        Raises:
            StorageError: the disk refused, or this is no ledger that this release reads.
        """
        epoch = entropy.token(8)
        held = await database.write(lambda tx: batch.prepare(tx, epoch))
        ledger = cls(
            database, clock, held, group_ms=group_ms, queue_rows=queue_rows, on_commit=on_commit, on_alarm=on_alarm
        )
        if dictionary and dictionary[-MAX_DICTIONARY_BYTES:] != held.dictionary:
            await ledger._use(dictionary)
        return ledger

    @property
    def epoch(self) -> bytes:
        """8 random bytes made with the database: a sequence number means something only together with it."""
        return self._held.epoch

    @property
    def next_id(self) -> int:
        """The id of the record that is appended next, or one below it where a gap is told first."""
        return self._next_id

    def head(self) -> tuple[int, str]:
        """Return the id of the last durable record and the chain there, in hex."""
        return self._tip.id, self._tip.chain.hex()

    @property
    def last_seq(self) -> int:
        """Sequence number of the last durable record of the stream; 0: none yet."""
        return self._tip.seq

    @property
    def is_durable(self) -> bool:
        """Whether the disk took the last batch that it was given."""
        return not self._in_trouble

    @property
    def waiting(self) -> int:
        """How many records are not durable yet."""
        return len(self._queue)

    def append(self, kind: str, t_ns: int, payload: bytes, *, stream: bool = False) -> int:
        """Queue a record and return its id; never waits. `stream`.

        It goes to the fleet and is kept until the receipt.

        Raises:
            ValueError: unknown kind, or a payload above 1 MiB.
        """
        number = kinds.number_of(kind)
        if len(payload) > MAX_PAYLOAD_BYTES:
            raise ValueError(f"a payload of {len(payload)} bytes; at most {MAX_PAYLOAD_BYTES}")
        id = self._next_id
        self._next_id += 1
        share = self._queue_rows if stream else int(self._queue_rows * (1 - STREAM_SHARE))
        if len(self._queue) >= share:
            self._refuse(id, stream)
            return id
        if self._gap.count:
            self._tell_gap(t_ns)
            id = self._next_id
            self._next_id += 1
        self._push(Waiting(id, number, t_ns, self._clock.wall_ns(), stream, payload))
        return id

    def save_snapshot(self, state: bytes, upto_id: int) -> None:
        """Replace the snapshot in the transaction that makes record `upto_id` durable, or in the next one."""
        self._snapshot = (state, upto_id)
        self._first.set()

    async def flush(self) -> None:
        """Return when all that was appended so far is durable.

        Raises:
            StorageError: the disk did not take it now; it stays queued and will be tried again.
        """
        if not self._queue and self._snapshot is None:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flushed.append((self._queue[-1].id if self._queue else 0, future))
        self._first.set()
        self._now.set()
        await future

    async def run(self) -> None:
        """Write batches until cancelled; what is queued then is written by `close`."""
        while True:
            await self._first.wait()
            if not self._now.is_set():
                await either(self._clock.sleep(self._group_s), self._now.wait())
            self._now.clear()
            try:
                if self._damage is not None:
                    raise self._damage
                await self._commit()
                self.attempts += 1
            except StorageError as error:
                self.attempts += 1
                self._fail(error)
                if not (isinstance(error, StorageDamaged) and await self._begin_anew(error)):
                    await either(self._clock.sleep(RETRY_S), self._now.wait())

    async def close(self) -> None:
        """Write what is queued (after `run` has ended) and close the database.

        Raises:
            StorageError: the disk did not take the rest.
        """
        try:
            self._marked_ns -= int(MARK_S * 1e9)
            while self._queue or self._snapshot is not None or self._marks:
                before = self._tip, self._snapshot, self._marks
                try:
                    await self._commit()
                except StorageDamaged as error:
                    if not await self._begin_anew(error):
                        raise
                    await self._commit()
                if (self._tip, self._snapshot, self._marks) == before:
                    break  # a snapshot of records that never came
        finally:
            await self._database.close()

    async def recover(self) -> Recovered:
        """Return the snapshot and what follows it. Call it before the first append."""
        state, upto_id = await self._database.read(batch.read_snapshot)
        return Recovered(state, upto_id, lambda: self.records(upto_id), self._held.tip.t_ns, self._held.tip.wall_ns)

    async def records(self, after_id: int = 0, upto_id: int | None = None) -> AsyncIterator[RecordRow]:
        """Yield the durable records behind `after_id`, up to and with `upto_id`, except the ledger's own."""
        last = self._tip.id if upto_id is None else upto_id
        while after_id < last:
            rows = await self._database.read(
                partial(batch.read_records, after_id=after_id, upto_id=last, limit=READ_ROWS)
            )
            for id, kind, t_ns, payload in rows:
                if kind < kinds.KINDS["gap"]:
                    yield RecordRow(id, kinds.name_of(kind), t_ns, payload)
            if len(rows) < READ_ROWS:
                return
            after_id = rows[-1][0]

    async def stream_rows(self, after_seq: int, after_id: int, limit: int, max_bytes: int) -> list[StreamRow]:
        """Return the next durable rows of the stream.

        Behind number `after_seq`, looking only behind record `after_id`.

        At most `limit`, and at most `max_bytes` of payload unless the first row alone is larger.
        """
        try:
            rows = await self._database.read(lambda tx: batch.read_stream(tx, after_seq, after_id, limit, max_bytes))
        except StorageDamaged as error:
            if self.replace is not None:
                self._damage = error
                self._first.set()
                self._now.set()
            raise
        return [StreamRow(seq, id, kinds.name_of(kind), t_ns, payload) for seq, id, kind, t_ns, payload in rows]

    async def read_mark(self, stream: str) -> tuple[int, int]:
        """Return (sequence number, record id) up to which the stream is receipted."""
        return await self._database.read(lambda tx: batch.read_mark(tx, stream))

    def save_mark(self, stream: str, upto: int) -> None:
        """Note a receipt; it never goes down.

        It becomes durable with a batch, at most every `MARK_S` and when closing.
        """
        self._marks[stream] = max(upto, self._marks.get(stream, 0))

    async def erase(self, first_id: int, last_id: int, t_ns: int) -> int:
        """Erase the payloads of these durable records, keep their digests.

        Unreceipted ones of the stream and those behind the snapshot stay. Returns how many were erased; an
        `erasure` record says so.
        """
        count = await self._database.write(lambda tx: erasing.erase(tx, first_id, last_id))
        if count:
            self.append("erasure", t_ns, struct.pack(">qqq", first_id, last_id, count))
        return count

    async def erase_oldest(self, limit: int) -> int:
        """Erase the oldest payloads that may go, at most `limit`; return how many. An `erasure` record says so."""
        first_id, last_id, count = await self._database.write(lambda tx: erasing.erase_oldest(tx, limit))
        if count:
            self.append("erasure", self._tip.t_ns, struct.pack(">qqq", first_id, last_id, count))
        return count

    async def size_bytes(self) -> int:
        """Return what the database holds, without what is free inside it."""
        return await self._database.read(erasing.used_bytes)

    async def give_up(self, after_id: int, upto_seq: int, keep: Collection[str], limit: int) -> int:
        """Erase the payloads of at most `limit` unreceipted rows of the stream behind record `after_id` and up to
        number `upto_seq`, but of kinds in `keep`. Returns how many; an `erasure` record says so.
        """
        numbers = [kinds.number_of(kind) for kind in keep]
        first_id, last_id, count = await self._database.write(
            lambda tx: erasing.give_up(tx, after_id, upto_seq, numbers, limit)
        )
        if count:
            self.append("erasure", self._tip.t_ns, struct.pack(">qqq", first_id, last_id, count))
        return count

    async def _begin_anew(self, error: StorageDamaged) -> bool:
        """Go on in another database; False where there is no way to, or not now."""
        if self.replace is None:
            return False
        try:
            self._database, epoch = await self.replace(self._database, str(error))
        except StorageError as refusal:
            self._in_trouble = False
            self._fail(refusal)
            return False
        tip = self._tip
        self._tip = tip._replace(chain=first_chain(epoch), seq=0)
        self._held = batch.Held(epoch, self._tip, b"")
        self._packer = Packer(b"")
        self._snapshot, self._damage, self._is_begun = None, None, False
        self._marks.clear()
        self.on_epoch()
        self._first.set()
        self._now.set()
        return True

    async def _use(self, dictionary: bytes) -> None:
        words = dictionary[-MAX_DICTIONARY_BYTES:]
        self._push(
            Waiting(self._next_id, kinds.KINDS["dictionary"], self._tip.t_ns, self._clock.wall_ns(), False, words)
        )
        self._next_id += 1
        self._packer = Packer(b"")
        await self._commit()
        self._packer = Packer(words)
        self._first.clear()

    def _push(self, record: Waiting) -> None:
        self._queue.append(record)
        self._first.set()
        if len(self._queue) >= GROUP_ROWS:
            self._now.set()

    def _refuse(self, id: int, stream: bool) -> None:
        self.refused += 1
        self._gap.note(id, stream)

    def _tell_gap(self, t_ns: int) -> None:
        """Queue the record of what was refused. It takes the id of its follower's."""
        payload, stream = self._gap.take()
        self._push(Waiting(self._next_id - 1, kinds.KINDS["gap"], t_ns, self._clock.wall_ns(), stream, payload))

    async def _commit(self) -> None:
        most = GROUP_ROWS if self._is_begun else len(self._queue)  # the first batch of all is what a restart builds on
        rows = [self._queue[index] for index in range(min(len(self._queue), most))]
        last_id = rows[-1].id if rows else self._tip.id
        snapshot = self._snapshot if self._snapshot and self._snapshot[1] <= last_id else None
        is_due = self._clock.monotonic_ns() - self._marked_ns >= MARK_S * 1e9
        marks = dict(self._marks) if is_due else {}
        if rows or snapshot or marks:
            tip, packer, epoch = self._tip, self._packer, None if self._is_begun else self._held.epoch
            self._tip = await self._database.write(
                lambda tx: batch.write(tx, tip, packer, rows, snapshot, marks, epoch)
            )
            self._is_begun = True
        if marks:
            self._marked_ns = self._clock.monotonic_ns()
            self._marks = {stream: upto for stream, upto in self._marks.items() if marks.get(stream) != upto}
        for _ in rows:
            self._queue.popleft()
        if snapshot is self._snapshot:
            self._snapshot = None
        self._settle(last_id)
        if rows:
            self.on_commit(last_id)

    def _settle(self, last_id: int) -> None:
        if self._in_trouble:
            self._in_trouble = False
            self.on_alarm(None)
        for target, future in self._flushed:
            if target <= last_id and not future.done():
                future.set_result(None)
        self._flushed = [entry for entry in self._flushed if not entry[1].done()]
        if not self._queue and self._snapshot is None:
            self._first.clear()
        elif self._flushed or len(self._queue) >= GROUP_ROWS:
            self._now.set()

    def _fail(self, error: StorageError) -> None:
        for _, future in self._flushed:
            if not future.done():
                future.set_exception(error)
        self._flushed.clear()
        if not self._in_trouble:
            self._in_trouble = True
            self.on_alarm(str(error))
