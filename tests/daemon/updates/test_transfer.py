"""Pulling a bundle over a broker that loses, repeats and delays; resuming from the disk; bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from daemon.fleet.virtual import SeededEntropy, VirtualClock, run
from daemon.updates.cut_disk import CutDisk
from daemon.updates.releases import bundle_folder, packed
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno_daemon.bundles.packed_file import PackedBundle, parse_head
from ripieno_daemon.bundles.release import CHUNK_BYTES, parse_index
from ripieno_daemon.fleet import Faults, MessageBroker, Sender, Topics
from ripieno_daemon.updates.over_broker import asking, serve, take_piece
from ripieno_daemon.updates.slots import Refused
from ripieno_daemon.updates.store import Store
from ripieno_daemon.updates.transfer import Transfer
from ripieno_daemon.updates.window import MOST_CHUNKS, Window

T = TypeVar("T")
FLEET, DEVICE = "plant", "line-1"


async def here(call: Callable[[], T]) -> T:
    return call()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> PackedBundle:
    extra = {"notes/big.bin": b"".join(at.to_bytes(4, "big") for at in range(200_000))}  # 25 chunks
    return packed(bundle_folder(tmp_path_factory.mktemp("made") / "colours", extra=extra), 1)


class Plant:
    """A device and who serves, on a broker in memory and in virtual time."""

    def __init__(self, bundle: PackedBundle, seed: int = 1, faults: Faults | None = None) -> None:
        self.bundle, self.clock, self.disk = bundle, VirtualClock(), CutDisk()
        self.broker, self.entropy, self.faults = MessageBroker(), SeededEntropy(seed), faults
        self.most_in_flight = 0
        self.fresh()

    def fresh(self) -> None:
        """Start the device's process anew: nothing but its disk is left."""
        self.store = Store(self.disk, "colours")
        self.transfer = Transfer(self._ask, here, self.clock)

    async def _ask(self, kind: str, body: Any) -> None:
        self.most_in_flight = max(self.most_in_flight, len(self.transfer._asked))
        await self._asking(kind, body)

    async def pull(self, until: Callable[[], bool] = lambda: False) -> None:
        """Pull until it is there, or killed because `until` holds."""
        sender = Sender(DEVICE, 1, self.clock, self.entropy)
        topics = Topics(FLEET, DEVICE)
        device = self.broker.client(DEVICE, self.clock, self.entropy, faults=self.faults)
        console = self.broker.client("console-1", self.clock, self.entropy, faults=self.faults)
        self._asking = asking(device, topics, sender)
        serving = asyncio.create_task(
            serve(console, FLEET, Sender("console-1", 1, self.clock, self.entropy), [self.bundle])
        )
        taking = lambda _topic, payload, ack: take_piece(self.transfer, payload, ack)  # noqa: E731
        linked = asyncio.create_task(device.run([topics.chunks], taking, lambda: None, lambda _why: None))
        pulling = asyncio.create_task(self._pull())
        while not pulling.done() and not until():  # noqa: ASYNC110 - the killer looks in from outside
            await asyncio.sleep(0.001)
        for task in (pulling, linked, serving):
            task.cancel()
        outcomes = await asyncio.gather(pulling, linked, serving, return_exceptions=True)
        if isinstance(outcomes[0], Exception):
            raise outcomes[0]

    async def _pull(self) -> None:
        head = await self.transfer.head(self.bundle.release.digest, len(self.bundle.head))
        release = parse_index(parse_head(head).payload)
        self.store.begin(head, release)
        await self.transfer.chunks(release, self.store)
        self.store.finish(release)

    @property
    def is_whole(self) -> bool:
        release = self.bundle.release
        root = f"bundles/colours/releases/{release.digest}/files"
        return all(self.disk.read(f"{root}/{one.path}") == self.bundle.file(one.path) for one in release.files)


def test_a_bundle_comes_whole_and_each_piece_is_asked_for_once(bundle: PackedBundle) -> None:
    plant = Plant(bundle)
    run(plant.pull())

    assert plant.is_whole
    assert plant.transfer.counts["asked"] == len(bundle.release.chunks) + 1
    assert plant.transfer.done == plant.transfer.whole == sum(bundle.release.chunks.values())


@pytest.mark.parametrize("seed", range(25))
def test_over_a_broker_that_loses_repeats_and_delays_it_comes_whole(bundle: PackedBundle, seed: int) -> None:
    plant = Plant(bundle, seed, Faults(drop=0.08, duplicate=0.1, delay=0.2, delay_s=3.0))
    run(plant.pull())

    assert plant.is_whole, f"seed {seed}"


@pytest.mark.parametrize("after", [0, 1, 7, 13, 24])
def test_a_kill_costs_what_was_in_flight_and_nothing_else(bundle: PackedBundle, after: int) -> None:
    plant = Plant(bundle)
    run(plant.pull(lambda: plant.transfer.counts["pieces"] >= after + 1))  # the head is a piece, too
    have = plant.transfer.counts["pieces"] - 1
    plant.fresh()
    run(plant.pull())

    assert plant.is_whole
    assert plant.transfer.counts["asked"] == len(bundle.release.chunks) - have + 1


def test_pieces_that_nobody_asked_for_are_dropped_and_counted(bundle: PackedBundle) -> None:
    plant = Plant(bundle)
    for kind, body, counted in [
        ("blk", {"h": b"x" * 32, "o": 0, "b": b"y", "t": 1}, "unasked"),
        ("blk", {"h": b"x", "o": 0, "b": b"y", "t": 1}, "malformed"),
        ("blk", {"h": b"x" * 32, "o": 0, "b": bytes(CHUNK_BYTES + 1), "t": 1}, "malformed"),
        ("blk", {}, "malformed"),
    ]:
        before = plant.transfer.counts[counted]
        plant.transfer.take(kind, body)
        assert plant.transfer.counts[counted] == before + 1
    assert plant.transfer._inbox.empty()


def test_who_serves_something_else_under_a_digest_gets_nowhere(bundle: PackedBundle) -> None:
    """Every chunk comes with other bytes of the right length."""
    plant = Plant(bundle)
    plant.bundle = _Liar(bundle)  # type: ignore[assignment]

    with pytest.raises(Refused, match="came damaged 8 times") as caught:
        run(plant.pull())
    assert caught.value.reason == "damaged"
    assert plant.disk.names("bundles/colours/releases") == []


class _Liar:
    def __init__(self, bundle: PackedBundle) -> None:
        self.release, self.head = bundle.release, bundle.head

    def chunk(self, digest: bytes) -> bytes:
        return bytes(self.release.chunks[digest])


def test_a_head_of_another_length_than_announced_is_refused_and_nobody_answering_is_told(bundle: PackedBundle) -> None:
    async def announced(size: int, digest: str) -> None:
        plant = Plant(bundle)
        plant._pull = lambda: plant.transfer.head(digest, size)  # type: ignore[assignment,method-assign,return-value]
        await plant.pull()

    digest = bundle.release.digest
    for size in (len(bundle.head) + 1, len(bundle.head) - 1):
        with pytest.raises(Refused, match=r"was announced"):
            run(announced(size, digest))
    with pytest.raises(Refused, match="nobody has this bundle"):
        run(announced(100, "ab" * 32))
    for size in (0, -5, 1 << 30):
        with pytest.raises(Refused, match="was announced; 1 to"):
            run(announced(size, digest))


@given(st.lists(st.tuples(st.integers(1, CHUNK_BYTES), st.integers(0, 10**10), st.integers(0, 10**10)), max_size=40))
@settings(deadline=None)
def test_the_window_stays_in_its_bounds_whatever_comes(pieces: list[tuple[int, int, int]]) -> None:
    window, now = Window(), 0
    for size, step, back in pieces:
        now += step
        window.came(size, now, max(0, now - back))
        assert 1 <= window.chunks <= MOST_CHUNKS and window.retry_s >= 2.0


@pytest.mark.parametrize(("rate", "chunks"), [(20_000, 1), (1_000_000, 2), (3_000_000, 5), (100_000_000, 16)])
def test_the_window_is_what_the_link_brings_in_60_ms(rate: int, chunks: int) -> None:
    window, now = Window(), 0
    for _ in range(60):
        asked, now = now, now + int(CHUNK_BYTES / rate * 1e9)
        window.came(CHUNK_BYTES, now, asked)

    assert window.chunks == chunks
