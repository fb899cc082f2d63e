"""10,000 messages of somebody who has the broker but no key: duplicated, reordered, replayed over restart and wipe,
expired, with a wrong key or target, forged, oversized, malformed. Nothing is done that should not be, nothing twice.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgpack
from daemon.fleet.virtual import run
from daemon.orders.kit import STRANGER, Device, Operator
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno_daemon.fleet import decode, encode
from ripieno_daemon.orders import Address, OrderDesk, admission
from ripieno_daemon.orders.journal import Entry

MESSAGES = 10_000
KINDS = ("restart", "settings", "status")


class Attacker:
    """Makes messages from what an operator sent, which is kept in `heard`. `good`: id -> label of an honest order."""

    def __init__(self, device: Device, operator: Operator, seed: int) -> None:
        self._device, self._operator, self._chance = device, operator, random.Random(seed)
        self.heard: list[bytes] = []
        self.honest: dict[str, str] = {}

    def honest_order(self) -> bytes:
        label = f"honest-{len(self.honest)}"
        kind = self._chance.choice(KINDS)
        order = self._operator.order(kind, args={"values": {"label": label}} if kind == "settings" else {})
        order = replace(order, expires_us=order.not_before_us + self._chance.choice([1, 5, 10]) * 1_000_000)
        self.honest[order.id.hex()] = kind
        message = self._operator.message(order)
        self.heard.append(message)
        return message

    def attack(self) -> bytes:
        operator, chance = self._operator, self._chance
        heard = chance.choice(self.heard)
        match chance.randrange(12):
            case 0 | 1:
                return heard
            case 2:
                return chance.choice(self.heard[-5:])
            case 3:
                return operator.ask("restart", STRANGER)
            case 4:
                return operator.ask("restart", to={"line-2": self._device.address})
            case 5:
                return operator.ask("restart", to={"line-1": Address(bytes(8), self._device.boot)})
            case 6:  # the operator's signature under other bytes
                body = dict(decode(heard).body)
                payload = bytearray(body["p"])
                payload[chance.randrange(len(payload))] ^= 1 << chance.randrange(8)
                return operator._sender.wrap("command", {**body, "p": bytes(payload)})
            case 7:  # in an envelope of its own, with another's signature beside it
                body = dict(decode(heard).body)
                other = dict(decode(chance.choice(self.heard)).body)
                return operator._sender.wrap("command", {**body, "s": body["s"] + other["s"]})
            case 8:
                return chance.randbytes(chance.choice([0, 1, 40, 70_000]))
            case 9:
                return heard[: chance.randrange(len(heard))] + chance.randbytes(chance.randrange(4))
            case 10:
                mixed = bytearray(heard)
                mixed[chance.randrange(len(mixed))] ^= 1 << chance.randrange(8)
                return bytes(mixed)
            case _:
                plain = msgpack.unpackb(heard)
                plain[chance.choice(["v", "t", "d", "seq"])] = chance.choice([None, 2, "stop", [[]] * 9, -1])
                return msgpack.packb(plain)


async def siege(folder: Path, seed: int, messages: int, desk: type[OrderDesk] = OrderDesk) -> tuple[Device, Attacker]:
    """Honest orders in between, restarts and a wipe; return what was done."""
    device = Device(folder, latency_s=0.0002)
    device.desk_type = desk
    await device.start()
    operator = Operator(device)
    attacker, chance = Attacker(device, operator, seed), random.Random(seed)
    device.takes_s = 0.001
    for number in range(messages):
        device.take(attacker.honest_order() if number % 20 == 0 else attacker.attack())
        if chance.random() < 0.3:
            await device.clock.sleep(chance.choice([0.001, 0.01, 0.5]))
        if number % 1000 == 700:
            await device.restart()
        if number == messages // 2:
            await device.wipe()
    await device.clock.sleep(20)
    for message in attacker.heard:  # all of it again, after everything has expired
        device.take(message)
    await device.clock.sleep(20)
    await device.kill()
    return device, attacker


def ended(device: Device) -> Counter[str]:
    """How often each order came to a good end, by id."""
    return Counter(str(end["order"]) for end in device.ended if end["state"] == "DONE")


def test_nothing_is_done_that_should_not_be_and_nothing_twice(tmp_path: Path) -> None:
    device, attacker = run(siege(tmp_path, 5, MESSAGES))
    done, labels = ended(device), Counter(str(args) for kind, args in device.done if kind == "settings")

    assert set(done) <= set(attacker.honest), "an order was done that no operator gave"
    assert sum(kind == "restart" for kind, _ in device.done) <= sum(
        kind == "restart" for kind in attacker.honest.values()
    )
    assert max(done.values()) == 1
    for id, kind in attacker.honest.items():
        assert kind != "restart" or done[id] <= 1
    assert max(labels.values()) <= 2, "a change may be made again after a crash, and not more often"
    restarts = sum(kind == "restart" for kind, _ in device.done)
    assert restarts <= sum(end["kind"] == "restart" and end["state"] in ("DONE", "UNKNOWN") for end in device.ended)
    assert len(done) > 0.5 * len(attacker.honest), "honest orders are done meanwhile"
    assert {"forged", "unknown-key", "target", "epoch", "format", "size"} <= set(device.desk.counts)


class Believing(OrderDesk):
    """The mistake: the journal is not asked whether the order is known."""

    async def run(self) -> None:
        from ripieno_daemon.orders.journal import Found
        from ripieno_daemon.orders.states import State

        right = self._journal.receive

        async def receive(entries: Sequence[Entry]) -> list[Found]:
            await right(entries)
            return [Found(True, State.RECEIVED, refusal=entry.refusal) for entry in entries]

        self._journal.receive = receive  # type: ignore[method-assign]
        await super().run()


def test_without_the_journal_the_siege_succeeds_and_the_check_sees_it(tmp_path: Path) -> None:
    device, _ = run(siege(tmp_path, 5, 400, Believing))

    assert max(ended(device).values()) > 1


def test_without_the_epoch_a_wiped_device_does_old_orders_and_the_check_sees_it(
    tmp_path: Path, monkeypatch: object
) -> None:
    right = admission.is_addressed

    def careless(order, here):  # type: ignore[no-untyped-def]
        refusal = right(order, here)
        return None if refusal is not None and refusal.reason == "epoch" else refusal

    monkeypatch.setattr(admission, "is_addressed", careless)  # type: ignore[attr-defined]
    device, attacker = run(siege(tmp_path, 5, 400))

    assert max(ended(device).values()) > 1 or set(ended(device)) - set(attacker.honest)


@settings(max_examples=200, deadline=None)
@given(noise=st.binary(max_size=300), at=st.integers(0, 400))
def test_noise_of_any_kind_raises_nothing(tmp_path_factory: object, noise: bytes, at: int) -> None:
    async def body() -> None:
        device = Device(tmp_path_factory.mktemp("noise"))  # type: ignore[attr-defined]
        await device.start()
        operator = Operator(device)
        message = operator.ask("restart")
        envelope = decode(message)
        payload = bytes(envelope.body["p"])
        for bad in (
            noise,
            message[:at] + noise + message[at:],
            encode(replace(envelope, body={"p": noise, "s": envelope.body["s"]})),
            operator.sealed(noise),
            operator.sealed(payload[:at] + noise + payload[at:]),
        ):
            device.take(bad)
        await device.clock.sleep(1)
        await device.kill()

        assert len(device.done) <= 2

    run(body())
