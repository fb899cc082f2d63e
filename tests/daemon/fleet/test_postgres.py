"""A consumer whose database is PostgreSQL: rows and mark in one transaction, over kills of the server too."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon.fleet.plant import Device, stop
from daemon.fleet.postgres import Cluster, postgres, why_not
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.errors import StorageError
from ripieno_daemon.fleet import Consumer, Faults, MessageBroker
from ripieno_daemon.fleet.consumer import Incoming, judge, store
from ripieno_daemon.fleet.consumer_tables import POSTGRESQL
from ripieno_daemon.fleet.topics import StreamTopic
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_daemon.ports.postgres import PostgresDatabase

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with postgres() as found:
        yield found


AGAIN = "results are taken again"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - other parties are watched
            await asyncio.sleep(0.02)


async def emptied(database: PostgresDatabase) -> None:
    def work(tx: Any) -> None:
        tx.execute("DROP TABLE IF EXISTS rows, marks")
        for statement in POSTGRESQL:
            tx.execute(statement)

    await database.write(work)


def test_results_reach_it_once_over_kills_of_server_consumer_and_device(tmp_path: Path, cluster: Cluster) -> None:
    async def body() -> tuple[list[int], list[int], list[str], int]:
        clock, entropy, broker, said = SystemClock(), SystemEntropy(), MessageBroker(), []
        faults, chance = Faults(drop=0.1, duplicate=0.2, delay=0.2, delay_s=0.1), random.Random(5)
        database = PostgresDatabase(cluster.address)
        await emptied(database)
        device = Device(DiskStorage(tmp_path), broker.client("dev1", clock, entropy, faults=faults), clock, entropy)
        await device.start()

        async def consumer() -> tuple[asyncio.Task[None], Consumer]:
            client = broker.client("consumer", clock, entropy, faults=faults)
            made = await Consumer.open(database, client, clock, entropy, "plant", say=said.append, tables=POSTGRESQL)
            return asyncio.create_task(made.run()), made

        task, taking = await consumer()
        for step in ["server", "consumer", "device", "consumer", "device"] * 2:
            await device.add(20 + chance.randrange(60))
            await asyncio.sleep(chance.random() / 10)
            match step:
                case "server":
                    await asyncio.to_thread(cluster.kill)
                    await device.add(20)
                    await until(lambda: sum("ALARM" in text for text in said) > said.count(AGAIN))
                    await asyncio.to_thread(cluster.start)
                    await until(lambda: sum("ALARM" in text for text in said) == said.count(AGAIN))
                case "consumer":
                    await stop(task)
                    task, taking = await consumer()
                case "device":
                    await device.kill()
                    await device.start()
        await until(lambda: device.outbox.backlog == 0)
        rows = await database.read(lambda tx: tx.execute("SELECT record_id, payload FROM rows ORDER BY seq").fetchall())
        assert all(bytes(payload) == b"result" for _, payload in rows)
        await stop(task)
        await device.kill()
        await database.close()
        return device.durable, [id for id, _ in rows], said, taking.refused

    durable, has, said, refused = asyncio.run(body())
    assert has == durable and len(durable) > 200 and refused == 0
    assert [text.startswith("ALARM results wait on their devices: PostgreSQL") for text in said] == [True, False] * 2


BATCHES = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 5), st.booleans()), max_size=10)


@settings(max_examples=30, deadline=None)
@given(batches=BATCHES)
def test_it_judges_as_a_model_does(cluster: Cluster, batches: list[tuple[int, int, bool]]) -> None:
    """Batches that overlap, come again, leave holes, or are rolled back: the rows are those of one list."""

    async def body() -> None:
        database, source = PostgresDatabase(cluster.address), StreamTopic("dev1", "results")
        await emptied(database)
        mark = 0
        for first, count, fails in batches:
            rows = [[first + at, 10 * (first + at), "decision", 1, b"x"] for at in range(count)]
            batch = Incoming("results", b"12345678", first, rows)
            expected = judge(mark, first, count)

            def work(tx: Any, batch: Incoming = batch, fails: bool = fails) -> Any:
                verdict = store(tx, source, batch)
                if fails:
                    tx.execute("SELECT 1 / 0")
                return verdict

            if fails:
                with pytest.raises(StorageError, match="division by zero"):
                    await database.write(work)
            else:
                assert await database.write(work) == expected
                mark = expected.upto
        seqs = await database.read(lambda tx: tx.execute("SELECT seq FROM rows ORDER BY seq").fetchall())
        assert [seq for (seq,) in seqs] == list(range(1, mark + 1))
        await database.close()

    asyncio.run(body())


def test_what_is_read_is_not_kept_and_a_server_that_is_not_there_is_told(cluster: Cluster) -> None:
    async def body() -> None:
        database = PostgresDatabase(cluster.address)
        await emptied(database)
        await database.read(lambda tx: tx.execute("INSERT INTO marks VALUES ('a', 'b', ?, 1)", (b"c",)))
        counted = await database.read(lambda tx: tx.execute("SELECT COUNT(*) FROM marks").fetchone())
        setting = await database.read(lambda tx: tx.execute("SHOW synchronous_commit").fetchone())
        await database.close()
        nobody = PostgresDatabase("postgresql:///postgres?host=/nowhere")
        with pytest.raises(StorageError, match="PostgreSQL: "):
            await nobody.read(lambda tx: tx.execute("SELECT 1"))
        await nobody.close()

        assert counted == (0,) and setting == ("on",)

    asyncio.run(body())
