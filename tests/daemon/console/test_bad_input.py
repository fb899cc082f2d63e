"""Bad input at a whole device end over a real Mosquitto with TLS: each is refused for one counted reason, nothing is
done, the link stays up. Who sends it has a console's certificate, so that the broker lets it through; where it is
signed, a key of the policy has signed it.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgpack
import pytest
from daemon.console.test_commands import Operator, play, whole
from daemon.console.whole import Whole
from daemon.fleet.brokers import MOSQUITTO, fleet_broker, tls_client

from ripieno_daemon.console import Console
from ripieno_daemon.fleet import Sender
from ripieno_daemon.fleet.broker_mqtt import MqttBroker
from ripieno_daemon.orders import Address, Order, pack_order
from ripieno_daemon.ports import SystemClock, SystemEntropy
from ripieno_daemon.trust import Signer, seal
from ripieno_daemon.trust.founding import FleetFolder
from ripieno_daemon.trust.sealed import COMMAND, DESIRED
from ripieno_daemon.twin import Desired, pack_desired

pytestmark = [pytest.mark.mosquitto, pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine")]

CMD, ALL, DES = "line-1/dn/cmd", "all/cmd", "line-1/dn/des"
CLOCK, ENTROPY = SystemClock(), SystemEntropy()


class Sending:
    """Messages as a console would make them, and as it never would."""

    def __init__(self, device: Whole, key: Signer) -> None:
        self._device, self.key, self._seq = device, key, 0
        self._sender = Sender("console-4", 1, CLOCK, ENTROPY)

    def order(self, kind: str = "restart", **changes: Any) -> Order:
        now_us = CLOCK.wall_ns() // 1000
        self._seq += 1
        birth = self._device.desk.birth()
        values: dict[str, Any] = {
            "id": ENTROPY.token(16),
            "kind": kind,
            "to": {"line-1": Address(birth["epoch"])},
            "not_before_us": now_us,
            "expires_us": now_us + 10_000_000,
            "seq": now_us + self._seq,
        }
        return Order(**{**values, **changes})

    def signed(self, payload: bytes, key: Signer | None = None, type: str = "command", purpose: str = COMMAND) -> bytes:
        return self._sender.wrap(type, seal(purpose, payload, [key or self.key]))

    def ask(self, kind: str = "restart", key: Signer | None = None, **changes: Any) -> bytes:
        return self.signed(pack_order(self.order(kind, **changes)), key)

    def late(self, seconds: int, lasts_s: int = 10) -> bytes:
        begins_us = CLOCK.wall_ns() // 1000 + seconds * 1_000_000
        return self.ask(not_before_us=begins_us, expires_us=begins_us + lasts_s * 1_000_000)

    def plain(self, **changes: Any) -> bytes:
        """A signed order with other fields than orders have."""
        return self.signed(msgpack.packb({**msgpack.unpackb(pack_order(self.order())), **changes}))

    def envelope(self, **changes: Any) -> bytes:
        return msgpack.packb({**msgpack.unpackb(self.ask()), **changes})

    def document(self, device: str = "line-1", type: str = "desired") -> bytes:
        return self.signed(pack_desired(Desired(device, 7, {"share": 0.5, "speed": 2})), type=type, purpose=DESIRED)


def nested(depth: int) -> Any:
    return [] if depth == 0 else [nested(depth - 1)]


TWICE = b"\x82\xa1v\x01\xa1v\x01"
CASES: Mapping[str, tuple[str, Callable[[Sending], bytes], str]] = {
    "nothing": (CMD, lambda s: b"", "format"),
    "no msgpack": (CMD, lambda s: b"\xc1\xc1", "format"),
    "too large": (CMD, lambda s: bytes(70_000), "size"),
    "60,000 deep": (CMD, lambda s: b"\x91" * 60_000, "format"),
    "17 deep": (CMD, lambda s: s.envelope(extra=nested(17)), "depth"),
    "says that it has 4 billion values": (CMD, lambda s: b"\xdd\xff\xff\xff\xff", "format"),
    "says that it has 4 GB of text": (CMD, lambda s: b"\xdb\xff\xff\xff\xffx", "format"),
    "30,000 values": (CMD, lambda s: s.envelope(extra=[[0] * 10_000] * 3), "elements"),
    "a key twice": (CMD, lambda s: TWICE, "key"),
    "an extension type": (CMD, lambda s: msgpack.packb(msgpack.ExtType(5, b"x")), "format"),
    "cut off": (CMD, lambda s: s.ask()[:-9], "format"),
    "another version of the envelope": (CMD, lambda s: s.envelope(v=2), "version"),
    "no version": (CMD, lambda s: s.envelope(v=None), "version"),
    "a number for text": (CMD, lambda s: s.envelope(t=5), "key"),
    "another type": (CMD, lambda s: s.signed(pack_order(s.order()), type="dance"), "type"),
    "a document where orders come": (CMD, lambda s: s.document(), "type"),
    "a signed document that says it is an order": (CMD, lambda s: s.document(type="command"), "forged"),
    "no signature": (CMD, lambda s: Sender("c", 1, CLOCK, ENTROPY).wrap("command", {"p": b"x", "s": []}), "unsigned"),
    "a stranger's signature": (CMD, lambda s: s.ask(key=Signer.new()), "unknown-key"),
    "signed noise": (CMD, lambda s: s.signed(b"\xdd\xff\xff\xff\xff"), "format"),
    "another version of the order": (CMD, lambda s: s.plain(v=2), "version"),
    "an order with more in it": (CMD, lambda s: s.plain(sudo=True), "format"),
    "an order without an end": (CMD, lambda s: s.plain(exp=0), "format"),
    "another kind": (CMD, lambda s: s.ask("dance"), "kind"),
    "a kind that this device cannot do": (CMD, lambda s: s.ask("self-test"), "kind"),
    "wrong arguments": (CMD, lambda s: s.ask(args={"now": True}), "arguments"),
    "expired": (CMD, lambda s: s.late(-60), "expired"),
    "not yet": (CMD, lambda s: s.late(60), "early"),
    "for too long": (CMD, lambda s: s.late(0, 3600), "window"),
    "for another device": (CMD, lambda s: s.ask(to={"line-2": Address(bytes(8))}), "target"),
    "for another life of this device": (CMD, lambda s: s.ask(to={"line-1": Address(bytes(8))}), "epoch"),
    "for another, on everybody's topic": (ALL, lambda s: s.ask(to={"line-2": Address(bytes(8))}), "target"),
    "noise on everybody's topic": (ALL, lambda s: b"\x93", "format"),
    "settings: noise": (DES, lambda s: b"\xc1", "format"),
    "settings: too large": (DES, lambda s: bytes(40_000), "size"),
    "settings: an order": (DES, lambda s: s.ask(), "type"),
    "settings: for another": (DES, lambda s: s.document("line-2"), "target"),
}


def test_each_is_refused_for_one_counted_reason_and_the_link_stays_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong: dict[str, Any] = {}

    async def body(device: Whole, operator: Operator, fleet: FleetFolder) -> None:
        client, sending = tls_client(fleet, "console-4"), Sending(device, fleet.signer("operator"))
        async with connected(client):
            await there(device)
            for name, (topic, make, reason) in CASES.items():
                before = counted(device)
                await client.publish(f"ripieno/1/plant/{topic}", make(sending), retain=topic == DES)
                found = await settled(device, before)
                if found != Counter({reason: 1}):
                    wrong[name] = (reason, dict(found))
            assert wrong == {}
            assert (await operator("cmd", "line-1", "status"))[0] == 0
        assert not any("broker: down" in text for text in device.said)
        assert len(device.said) < 60 and not device.stops and not device.restarts and device.line.seen == []

    play(tmp_path, capsys, body)


def test_negative_control_an_order_as_it_should_be_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the cases above bend is good before it is bent."""

    async def body(device: Whole, operator: Operator, fleet: FleetFolder) -> None:
        client, sending = tls_client(fleet, "console-4"), Sending(device, fleet.signer("operator"))
        async with connected(client):
            await there(device)
            before = counted(device)
            await client.publish(f"ripieno/1/plant/{CMD}", sending.ask())
            await client.publish(f"ripieno/1/plant/{DES}", sending.document(), retain=True)
            for _ in range(500):
                if (found := counted(device) - before).total() >= 3:
                    break
                await asyncio.sleep(0.02)
            assert found == Counter({"done restart": 1, "pending": 1, "applied": 1})

    play(tmp_path, capsys, body)


def test_what_is_larger_than_a_packet_may_be_ends_its_senders_connection_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def body(device: Whole, operator: Operator, fleet: FleetFolder) -> None:
        (tmp_path / "large").write_bytes(bytes(400_000))
        ca, certificate, key = fleet.client("console-4")
        words = ["mosquitto_pub", "-V", "5", "-q", "1", "-h", "127.0.0.1", "-p", str(fleet.port)]
        words += ["--cafile", str(ca), "--cert", str(certificate), "--key", str(key)]
        await there(device)
        before = counted(device)
        sender = await asyncio.create_subprocess_exec(
            *words, "-t", f"ripieno/1/plant/{CMD}", "-f", str(tmp_path / "large"), stderr=subprocess.PIPE
        )
        try:
            async with asyncio.timeout(10):
                await sender.communicate()
        except TimeoutError:
            sender.kill()  # it tries again for ever
            await sender.wait()
        assert (await operator("cmd", "line-1", "status"))[0] == 0
        assert counted(device) - before == Counter({"done status": 1})
        assert not any("broker: down" in text for text in device.said)

    play(tmp_path, capsys, body)


def test_a_recorded_order_that_a_broker_keeps_is_counted_and_not_done_at_the_next_connection(tmp_path: Path) -> None:
    async def scene() -> None:
        async with asyncio.timeout(60), fleet_broker(tmp_path) as fleet:
            device = whole(fleet, tmp_path / "state")
            client = tls_client(fleet, "console-4")
            async with connected(client):
                async with device.running():
                    epoch = device.desk.birth()["epoch"]
                sending = Sending(device, fleet.signer("operator"))
                order = sending.order(to={"line-1": Address(epoch)})
                await client.publish(f"ripieno/1/plant/{CMD}", sending.signed(pack_order(order)), retain=True)
                async with device.running(boot=2):
                    console = Console(
                        tls_client(fleet, "console-1"), "plant", "console-1", CLOCK, ENTROPY, [fleet.signer("operator")]
                    )
                    task = asyncio.create_task(console.run())
                    await console.ready(device="line-1")
                    assert (await console.ask("line-1", "status"))["state"] == "DONE"
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
            broker = device._broker
            assert isinstance(broker, MqttBroker)
            assert (broker.retained_refused, device.restarts) == (1, 0)

    asyncio.run(scene())


class Early(SystemClock):
    """A device whose battery is empty: it is 1970."""

    def wall_ns(self) -> int:
        return self.monotonic_ns()


def test_a_device_whose_clock_is_before_its_policy_changes_nothing_answers_questions_and_stops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def body(device: Whole, operator: Operator, fleet: FleetFolder) -> None:
        refused = [await operator("cmd", "line-1", kind) for kind in ("restart", "safe")]
        assert [told["reason"] for _, told in refused] == ["clock", "clock"]
        code, told = await operator("cmd", "line-1", "settings", 'values={"share": 0.3}')
        assert (code, told["reason"]) == (1, "clock")
        assert (await operator("cmd", "line-1", "status"))[0] == 0
        assert (await operator("cmd", "line-1", "stop"))[0] == 0
        assert device.restarts == 0 and device.line.seen == [] and device.stops == ["stop from afar"]
        assert device.desk.counts["clock"] >= 2 and not any("broker: down" in text for text in device.said)

    async def scene() -> None:
        async with asyncio.timeout(60), fleet_broker(tmp_path) as fleet:
            device = whole(fleet, tmp_path / "state")
            device._clock = Early()
            async with device.running():
                await body(device, Operator(fleet, capsys), fleet)

    asyncio.run(scene())


async def there(device: Whole) -> None:
    """Return when the device has its connection: what is sent before is for nobody."""
    async with asyncio.timeout(20):
        while "broker: up" not in device.said:  # noqa: ASYNC110 - another party's doing is watched
            await asyncio.sleep(0.01)


def counted(device: Whole) -> Counter[str]:
    """What was refused and done so far, wherever it is counted."""
    counts = Counter(device.desk.counts) + Counter(device.station.counts)
    if device.station._twin is not None:
        counts += Counter(device.station._twin.counts)  # type: ignore[attr-defined]
    return counts


async def settled(device: Whole, before: Counter[str]) -> Counter[str]:
    """Return what was counted since, once something was, and nothing more comes."""
    for _ in range(500):
        if counted(device) != before:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.03)
    return counted(device) - before


class connected:
    """A client's connection, as long as the block lasts."""

    def __init__(self, client: MqttBroker) -> None:
        self._client = client

    async def __aenter__(self) -> None:
        up = asyncio.Event()
        self._task = asyncio.create_task(self._client.run([], lambda *_: None, up.set, lambda _why: None))
        await up.wait()

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
