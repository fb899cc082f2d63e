"""Every durable row reaches the consumer once, whatever is lost, repeated, late or killed between them.

The negative controls show that the same check finds the classic mistakes.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from daemon.fleet.plant import Device, Other, settled
from daemon.fleet.virtual import SeededEntropy, VirtualClock, run, storage
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.contracts.ports import Transaction
from ripieno_daemon.fleet import Consumer, Faults, MessageBroker, Outbox
from ripieno_daemon.fleet.consumer import Incoming, Message, Verdict, judge
from ripieno_daemon.fleet.outbox import Batch

KINDS = [
    "add",
    "wait",
    "blink",
    "kill device",
    "kill consumer",
    "stop broker",
    "kill broker",
    "kill broker with a full queue",
    "half-open device",
    "half-open consumer",
]
STEPS = st.lists(st.sampled_from(KINDS), max_size=14)
FAULTS = st.builds(
    Faults,
    drop=st.sampled_from([0.0, 0.1, 0.4]),
    duplicate=st.sampled_from([0.0, 0.3]),
    delay=st.sampled_from([0.0, 0.5]),
    delay_s=st.sampled_from([0.05, 3.0]),
)


async def scenario(
    folder: Path,
    steps: list[str],
    faults: Faults,
    seed: int,
    outbox: type[Outbox] = Outbox,
    consumer: type[Consumer] = Consumer,
) -> tuple[list[int], list[int]]:
    """Play the steps, then let the world be whole; return what was durable and what the consumer has."""
    clock, entropy, broker = VirtualClock(), SeededEntropy(seed), MessageBroker()

    def client(name: str, faults: Faults) -> Any:
        return broker.client(name, clock, entropy, faults=faults)

    device = Device(storage(folder / "d"), client("dev1", faults), clock, entropy, outbox)
    other = Other(storage(folder / "c"), client("consumer", faults), clock, entropy, consumer)
    await device.start()
    await other.start()
    for step in [*steps, "add"]:
        match step:
            case "add":
                await device.add(1 + entropy.token(1)[0] % 90)
            case "wait":
                await clock.sleep(entropy.token(1)[0] / 100)
            case "blink":
                await clock.sleep(seed % 16 / 1000)
            case "kill device":
                await device.kill()
                await device.start()
            case "kill consumer":
                await other.kill()
                await other.start()
            case "kill broker with a full queue":
                await other.kill()
                await device.add(40)
                await clock.sleep(0.3)
                broker.forget()
                broker.start()
                await other.start()
            case "half-open device" | "half-open consumer":
                name = "dev1" if step == "half-open device" else "consumer"
                broker.half_open(name)
                await device.add(20)
                await clock.sleep(14)
                broker.notice(name)
            case "stop broker" | "kill broker":
                if step == "stop broker":
                    broker.stop()
                else:
                    broker.forget()
                await clock.sleep(0.3)
                broker.start()
    await clock.sleep(6)  # the mark goes to the disk with the next batch
    await device.add(1)
    await device.kill()
    await other.kill()
    device._broker = client("dev1", Faults())
    other._broker = client("consumer", Faults())
    await device.start()
    await other.start()
    await settled(device, clock, 120)
    has = await other.record_ids()
    await device.kill()
    await other.kill()
    return device.durable, has


@settings(max_examples=40, deadline=None)
@given(steps=STEPS, faults=FAULTS, seed=st.integers(0, 2**32))
def test_each_durable_row_is_there_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], faults: Faults, seed: int
) -> None:
    durable, has = run(scenario(tmp_path_factory.mktemp("run"), steps, faults, seed))

    assert has == durable


SEEDS = int(os.environ.get("RIPIENO_FLEET_SEEDS", "60"))


def test_seeds_of_everything_at_once_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    """RIPIENO_FLEET_SEEDS=2000 for the long run; a failure names its seed."""
    for seed in range(SEEDS):
        chance = random.Random(seed)
        steps = [chance.choice(KINDS) for _ in range(chance.randrange(4, 14))]
        faults = Faults(
            drop=chance.choice([0.0, 0.1, 0.4]),
            duplicate=chance.choice([0.0, 0.3]),
            delay=chance.choice([0.0, 0.5]),
            delay_s=chance.choice([0.05, 3.0]),
        )
        durable, has = run(scenario(tmp_path / str(seed), steps, faults, seed))
        shutil.rmtree(tmp_path / str(seed))

        assert has == durable, f"seed {seed}: {steps} {faults}"


class FreedOnPuback(Outbox):
    """The mistake: a broker's acknowledgement is taken for the consumer's."""

    def _on_puback(self, batch: Batch) -> None:
        self._free(batch.last)


class AcknowledgesFirst(Consumer):
    """The mistake: the receipt goes out before the rows are in the database."""

    async def take(self, messages: Sequence[Message]) -> None:
        for topic, payload, ack in messages:
            read = self._read(topic, payload, ack)
            assert read is not None
            source, batch = read
            await self._answer(source, batch.epoch, judge(batch.first - 1, batch.first, len(batch.rows)))
            ack()
        await self._database.read(lambda tx: tx.execute("SELECT 1").fetchall())  # the disk is busy
        await super().take([(topic, payload, lambda: None) for topic, payload, _ in messages])


class MarkApart(Consumer):
    """The mistake: the mark is durable in a transaction of its own, before its rows."""

    async def take(self, messages: Sequence[Message]) -> None:
        given = [(read, ack) for topic, payload, ack in messages if (read := self._read(topic, payload, ack))]

        def marks(tx: Transaction) -> None:
            for (source, batch), _ in given:
                key = (source.device, source.stream, batch.epoch)
                found = tx.execute("SELECT upto FROM marks WHERE device = ? AND stream = ? AND epoch = ?", key)
                before = (found.fetchone() or (0,))[0]
                verdict = judge(before, batch.first, batch.count)
                verdicts.append((batch, key, verdict))
                tx.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", (*key, verdict.upto))

        def rows(tx: Transaction) -> None:
            for batch, key, verdict in verdicts:
                new = [] if verdict.refused else batch.rows[verdict.skip :]
                tx.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(*key, *row) for row in new])

        verdicts: list[tuple[Incoming, tuple[str, str, bytes], Verdict]] = []
        await self._database.write(marks)
        await self._database.write(rows)
        for ((source, batch), ack), (_, _, verdict) in zip(given, verdicts, strict=True):
            if await self._answer(source, batch.epoch, verdict):
                ack()


def rows_lost(folder: Path, outbox: type[Outbox], consumer: type[Consumer]) -> int:
    """Over some seeds of kills, count rows that were durable and never arrived."""
    lost = 0
    steps = ["add", "wait", "kill broker with a full queue", "wait", "add", "blink", "kill consumer"]
    for seed in range(16):
        durable, has = run(scenario(folder / str(seed), steps, Faults(), seed, outbox, consumer))
        lost += len(set(durable) - set(has))
    return lost


def test_freeing_on_a_puback_loses_rows_and_the_check_sees_it(tmp_path: Path) -> None:
    assert rows_lost(tmp_path / "mistake", FreedOnPuback, Consumer) > 0
    assert rows_lost(tmp_path / "right", Outbox, Consumer) == 0


def test_a_receipt_before_the_commit_loses_rows_and_the_check_sees_it(tmp_path: Path) -> None:
    assert rows_lost(tmp_path / "mistake", Outbox, AcknowledgesFirst) > 0


def test_a_mark_that_is_durable_before_its_rows_loses_rows_and_the_check_sees_it(tmp_path: Path) -> None:
    assert rows_lost(tmp_path / "mistake", Outbox, MarkApart) > 0


@given(mark=st.integers(0, 50), first=st.integers(1, 60), count=st.integers(1, 20))
def test_a_batch_joins_on_or_is_refused(mark: int, first: int, count: int) -> None:
    verdict = judge(mark, first, count)

    if verdict.refused:
        assert first > mark + 1 and verdict.upto == mark
    else:
        assert verdict.upto == max(mark, first + count - 1)
        assert verdict.upto - mark == count - verdict.skip
