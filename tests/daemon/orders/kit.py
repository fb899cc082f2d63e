"""An operator with keys, a device with a desk that can be killed and wiped, and what its executors did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from daemon.fleet.virtual import SeededEntropy, VirtualClock

from ripieno.contracts.ports import Clock, Entropy, Storage
from ripieno_daemon.fleet import Sender
from ripieno_daemon.orders import Address, Order, OrderDesk, Trusted, pack_order
from ripieno_daemon.ports import InlineStorage
from ripieno_daemon.trust import KeyRule, Policy, Signer, seal
from ripieno_daemon.trust.policy import sign_policy
from ripieno_daemon.trust.sealed import COMMAND

ROOT, ANNA, BEN, STRANGER = Signer.new(), Signer.new(), Signer.new(), Signer.new()
RULES = {
    ANNA.id: KeyRule("anna", ANNA.public, ("*",), ("*",), 100_000),
    BEN.id: KeyRule("ben", BEN.public, ("status", "restart"), ("line-1",), 6),
}


def policy(serial: int = 1, two: tuple[str, ...] = ("apply",), issued_us: int = 0, **rules: KeyRule) -> bytes:
    return sign_policy(Policy("plant", serial, {**RULES, **rules}, two, issued_us), ROOT)


class Device:
    """line-1. `done` has each thing that an executor did; `stops` each time that all outputs were made safe."""

    def __init__(self, folder: Path, *, latency_s: float = 0.001, storage: Storage | None = None) -> None:
        self.clock: Clock = VirtualClock()
        self.entropy: Entropy = SeededEntropy(7)
        self._folder, self._latency_s, self._storage = folder, latency_s, storage
        self.boot, self.quality, self.takes_s, self.wipes = 0, 2, 0.01, 0
        self.done: list[tuple[str, Any]] = []
        self.stops: list[str] = []
        self.said: list[str] = []
        self.ended: list[Mapping[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.acked = 0
        self.desk_type: type[OrderDesk] = OrderDesk
        self._task: asyncio.Task[None] | None = None

    async def start(self, policy_bytes: bytes | None = None) -> None:
        self.boot += 1
        name = f"orders-{self.wipes}.sqlite"
        storage = self._storage or InlineStorage(self._folder, self.clock, lambda _name: self._latency_s)
        self.desk = await self.desk_type.open(
            storage.database(name),
            self.entropy,
            Trusted("plant", ROOT.public, policy() if policy_bytes is None else policy_bytes),
            {kind: self._executor(kind) for kind in ("status", "restart", "apply", "settings", "self-test")},
            device="line-1",
            boot=self.boot,
            clock=self.clock,
            clock_quality=lambda: self.quality,
            stop=self.stops.append,
            say=self.said.append,
            record=self.ended.append,
        )
        self.desk.publish_soon = self._collect
        self._task = asyncio.create_task(self.desk.run(), name="desk")

    async def kill(self) -> None:
        """Everything in memory is gone."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.desk.close()

    async def restart(self) -> None:
        await self.kill()
        await self.start()

    async def wipe(self) -> None:
        """A new disk."""
        await self.kill()
        self.wipes += 1
        await self.start()

    @property
    def address(self) -> Address:
        return Address(self.desk.birth()["epoch"], self.boot)

    def take(self, payload: bytes, *, to_all: bool = False) -> None:
        self.desk.take(payload, self._ack, to_all=to_all)

    async def give(self, payload: bytes, seconds: float = 1.0) -> dict[str, Any]:
        """Take a message, let time pass, return the last answer that came of it."""
        before = len(self.answers)
        self.take(payload)
        await self.clock.sleep(seconds)
        return self.answers[-1] if len(self.answers) > before else {}

    def _ack(self) -> None:
        self.acked += 1

    def _collect(self) -> None:
        while self.desk.answers:
            self.answers.append(self.desk.answers.popleft())

    def _executor(self, kind: str) -> Any:
        async def execute(args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
            self.done.append((kind, dict(args)))
            await self.clock.sleep(self.takes_s)
            return {"count": len(self.done)}

        return execute


class Operator:
    """Makes orders; each has a higher number than the one before."""

    def __init__(self, device: Device) -> None:
        self._device, self._seq = device, 0
        self._sender = Sender("console-1", 1, device.clock, device.entropy)

    def order(self, kind: str = "status", **changes: Any) -> Order:
        now_us = self._device.clock.wall_ns() // 1000
        self._seq += 1
        values: dict[str, Any] = {
            "id": self._device.entropy.token(16),
            "kind": kind,
            "to": {"line-1": self._device.address if kind == "stop" else Address(self._device.address.epoch)},
            "not_before_us": now_us,
            "expires_us": now_us + 10_000_000,
            "seq": self._seq,
        }
        return Order(**{**values, **changes})

    def message(self, order: Order, *keys: Signer, type: str = "command") -> bytes:
        return self.sealed(pack_order(order), *keys, type=type)

    def sealed(self, payload: bytes, *keys: Signer, type: str = "command") -> bytes:
        return self._sender.wrap(type, seal(COMMAND, payload, keys or (ANNA,)))

    def ask(self, kind: str = "status", *keys: Signer, **changes: Any) -> bytes:
        return self.message(self.order(kind, **changes), *keys)
