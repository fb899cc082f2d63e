"""What is given up for want of room is the oldest, never an alarm, and arrives as a counted hole."""

from __future__ import annotations

import json
import struct
from collections import deque
from pathlib import Path

import msgpack
import pytest
from daemon.fleet.plant import Device, Other, settled
from daemon.fleet.virtual import SeededEntropy, VirtualClock, run, storage
from hypothesis import given
from hypothesis import strategies as st

from ripieno_daemon.fleet import MessageBroker, Outbox, Quota, Topics, decode, encode
from ripieno_daemon.fleet.consumer import parse
from ripieno_daemon.fleet.envelope import Envelope
from ripieno_daemon.fleet.message_broker import Unheard
from ripieno_daemon.fleet.outbox import HOLD_S
from ripieno_daemon.fleet.parcels import LARGEST_ROW, as_json, cut
from ripieno_daemon.ledger import StreamRow, verify


class Bounded(Outbox):
    """An outbox with a quota, as an app would make it."""

    def __init__(self, *words: object, **more: object) -> None:
        super().__init__(*words, **more, quota=Quota(50, frozenset({"alarm"})))  # type: ignore[arg-type]


async def offline_for_long(folder: Path, outbox: type[Outbox]) -> tuple[Device, list[tuple[int, str, bytes]]]:
    """300 results and an alarm after each 50th while there is no consumer; then one comes."""
    clock, entropy, broker = VirtualClock(), SeededEntropy(1), MessageBroker()
    device = Device(storage(folder / "d"), broker.client("dev1", clock, entropy), clock, entropy, outbox)
    await device.start()
    for number in range(300):
        device.ledger.append("decision", number, b"result %d" % number, stream=True)
        if number % 50 == 49:
            device.ledger.append("alarm", number, b"alarm %d" % number, stream=True)
    await device.ledger.flush()
    device.ledger.save_snapshot(b"all of it", device.ledger.head()[0])
    await device.ledger.flush()
    await clock.sleep(30)
    other = Other(storage(folder / "c"), broker.client("consumer", clock, entropy), clock, entropy)
    await other.start()
    assert await settled(device, clock)
    rows = await other._database.read(
        lambda tx: tx.execute("SELECT seq, kind, payload FROM rows ORDER BY seq").fetchall()
    )
    await device.kill()
    await other.kill()
    return device, rows


def test_the_oldest_are_given_up_alarms_never_and_each_hole_is_counted(tmp_path: Path) -> None:
    device, rows = run(offline_for_long(tmp_path, Bounded))
    decisions = [payload for _, kind, payload in rows if kind == "decision"]
    alarms = [payload for _, kind, payload in rows if kind == "alarm"]
    missing = sum(struct.unpack(">qqq", payload)[1] for _, kind, payload in rows if kind == "gap")

    assert alarms == [b"alarm %d" % number for number in range(49, 300, 50)]
    assert decisions == [b"result %d" % number for number in range(300 - len(decisions), 300)]
    assert len(decisions) + missing == 300 and missing == device.outbox.given_up > 200
    assert verify(tmp_path / "d/device.sqlite").is_whole


def test_without_a_quota_nothing_is_given_up(tmp_path: Path) -> None:
    """Negative control: the hole above is the quota's."""
    device, rows = run(offline_for_long(tmp_path, Outbox))

    assert [kind for _, kind, _ in rows].count("decision") == 300 and device.outbox.given_up == 0


def test_a_row_that_no_message_can_hold_is_a_hole_and_not_the_end(tmp_path: Path) -> None:
    async def body() -> list[tuple[str, int]]:
        clock, entropy, broker = VirtualClock(), SeededEntropy(1), MessageBroker()
        device = Device(storage(tmp_path / "d"), broker.client("dev1", clock, entropy), clock, entropy)
        other = Other(storage(tmp_path / "c"), broker.client("consumer", clock, entropy), clock, entropy)
        await device.start()
        await other.start()
        for size in (10, LARGEST_ROW, LARGEST_ROW + 1, 1 << 20, 10):
            device.ledger.append("decision", 1, entropy.token(size), stream=True)
        await device.ledger.flush()
        assert await settled(device, clock)
        rows = await other._database.read(lambda tx: tx.execute("SELECT kind, LENGTH(payload) FROM rows").fetchall())
        await device.kill()
        await other.kill()
        return rows

    rows = run(body())
    assert [row for row in rows if row[0] != "gap"] == [("decision", 10), ("decision", LARGEST_ROW), ("decision", 10)]
    assert 1 <= len(rows) - 3 <= 2, "two neighbours are one hole or two"


@given(sizes=st.lists(st.sampled_from([0, 1, 500, 30_000, LARGEST_ROW, LARGEST_ROW + 1]), min_size=1, max_size=300))
def test_parcels_cover_each_number_once_and_fit_into_a_message(sizes: list[int]) -> None:
    ahead = deque(StreamRow(seq, seq * 2, "decision", 1, bytes(size)) for seq, size in enumerate(sizes, 1))
    at = 1
    while ahead:
        parcel = cut(ahead)
        packed = encode(Envelope("batch", parcel.body("results", bytes(8)), bytes(16), "d", 1, 1, 1))
        batch = parse(decode(packed).body, "results")
        assert batch.first == at and batch.count == parcel.last - at + 1
        at = parcel.last + 1

    assert at == len(sizes) + 1


class Subscriber:
    """Anybody who takes JSON, on a broker that tells when nobody does."""

    def __init__(self) -> None:
        self.got: list[dict[str, object]] = []
        self.is_there = True


def test_a_stream_without_our_consumer_goes_out_as_plain_json_and_waits_while_nobody_listens(tmp_path: Path) -> None:
    class Telling(Outbox):
        def __init__(self, *words: object, **more: object) -> None:
            super().__init__(*words, **more, receipt="puback", say=said.append)  # type: ignore[arg-type]

    said: list[str] = []
    subscriber = Subscriber()

    async def body() -> None:
        clock, entropy, broker = VirtualClock(), SeededEntropy(1), MessageBroker()
        client = broker.client("dev1", clock, entropy)
        right = client.publish

        async def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
            await right(topic, payload, retain=retain)
            if not subscriber.is_there:
                raise Unheard("nobody has subscribed to it")
            assert topic == Topics("plant", "dev1").mirror("results")
            subscriber.got.append(json.loads(payload))

        client.publish = publish  # type: ignore[method-assign]
        device = Device(storage(tmp_path / "d"), client, clock, entropy, Telling)
        await device.start()
        for number in range(200):
            device.ledger.append("decision", number, msgpack.packb({"item": number, "raw": b"\xff"}), stream=True)
        await device.ledger.flush()
        assert await settled(device, clock, 20)
        subscriber.is_there = False
        device.ledger.append("decision", 1, msgpack.packb({"item": 200}), stream=True)
        await device.ledger.flush()
        await clock.sleep(3 * HOLD_S)
        assert device.outbox.backlog == 1, "freed though nobody heard it"
        subscriber.is_there = True
        assert await settled(device, clock, 3 * HOLD_S)
        await device.kill()

    run(body())
    assert [row["item"] for row in subscriber.got] == list(range(201))
    assert subscriber.got[0] == {
        "device": "dev1",
        "stream": "results",
        "seq": 1,
        "kind": "decision",
        "t_ns": 0,
        "item": 0,
        "raw": "/w==",
    }
    assert said.count("ALARM results of stream results wait: nobody has subscribed to it") == 1


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        (msgpack.packb({"a": float("nan"), "seq": 9}), {"a": None}),
        (msgpack.packb([1, {"b": b"x"}]), {"payload": [1, {"b": "eA=="}]}),
        (b"\xc1 no msgpack", {"payload": "wSBubyBtc2dwYWNr"}),
    ],
)
def test_any_payload_becomes_json(payload: bytes, wanted: dict[str, object]) -> None:
    told = json.loads(as_json(StreamRow(7, 8, "decision", 1, payload), "dev1", "results"))

    assert told == {"device": "dev1", "stream": "results", "seq": 7, "kind": "decision", "t_ns": 1, **wanted}
