"""A device and a consumer that can be killed, and what each of them claims."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from ripieno.contracts.ports import Broker, Clock, Entropy, Storage
from ripieno_daemon.fleet import Consumer, Outbox, Sender, Topics
from ripieno_daemon.ledger import Ledger

TOPICS = Topics("plant", "dev1")


class Device:
    """A ledger and an outbox. `durable` holds what `flush` promised."""

    def __init__(
        self, storage: Storage, broker: Broker, clock: Clock, entropy: Entropy, outbox: type[Outbox] = Outbox
    ) -> None:
        self._storage, self._broker, self._clock, self._entropy = storage, broker, clock, entropy
        self._outbox_type = outbox
        self._task: asyncio.Task[None] | None = None
        self.durable: list[int] = []

    async def start(self) -> None:
        self._database = self._storage.database("device.sqlite")
        self.ledger = await Ledger.open(self._database, self._clock, self._entropy, group_ms=20)
        sender = Sender("dev1", 1, self._clock, self._entropy)
        self.outbox = self._outbox_type(self.ledger, self._broker, self._clock, TOPICS, sender)
        self.ledger.on_commit = self.outbox.on_commit
        self._task = asyncio.create_task(self._run(), name="device")

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.ledger.run(), name="ledger")
            group.create_task(self.outbox.run(), name="outbox")
            group.create_task(
                self._broker.run([TOPICS.receipt("results")], self._take, self.outbox.on_up, self.outbox.on_down),
                name="broker",
            )

    def _take(self, topic: str, payload: bytes, ack) -> None:  # type: ignore[no-untyped-def]
        assert self.outbox.on_message(topic, payload, ack)

    async def add(self, count: int) -> None:
        """Append and wait until the disk has them."""
        ids = [self.ledger.append("decision", 1, b"result", stream=True) for _ in range(count)]
        self.ledger.append("event", 1, b"not for the fleet")
        await self.ledger.flush()
        self.durable += ids

    async def kill(self) -> None:
        """Everything in memory is gone; what was written stays."""
        await stop(self._task)
        await self._database.close()


class Other:
    """The consumer."""

    def __init__(
        self, storage: Storage, broker: Broker, clock: Clock, entropy: Entropy, consumer: type[Consumer] = Consumer
    ) -> None:
        self._storage, self._broker, self._clock, self._entropy = storage, broker, clock, entropy
        self._consumer_type = consumer
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._database = self._storage.database("consumer.sqlite")
        self.consumer = await self._consumer_type.open(
            self._database, self._broker, self._clock, self._entropy, "plant"
        )
        self._task = asyncio.create_task(self.consumer.run(), name="consumer")

    async def kill(self) -> None:
        await stop(self._task)
        await self._database.close()

    async def record_ids(self) -> list[int]:
        """The rows that it has, by record id, in the order of their numbers."""
        rows = await self._database.read(lambda tx: tx.execute("SELECT record_id FROM rows ORDER BY seq").fetchall())
        return [id for (id,) in rows]


async def stop(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def settled(device: Device, clock: Clock, limit_s: float = 600) -> bool:
    """Wait until all is receipted; False if it does not come to that."""
    until_ns = clock.monotonic_ns() + int(limit_s * 1e9)
    while device.outbox.backlog:
        if clock.monotonic_ns() > until_ns:
            return False
        await clock.sleep(0.05)
    return True


def folders(root: Path) -> tuple[Path, Path]:
    return root / "device", root / "consumer"
