"""One operator at one broker: hears the whole fleet, signs, asks, waits for the answer of this very order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ripieno.contracts.ports import Broker, Clock, Entropy
from ripieno.errors import BrokerError, RipienoError

from ..fleet.envelope import BadEnvelope, Envelope, Sender, decode
from ..fleet.topics import Topics, every_up
from ..orders.kinds import KINDS
from ..orders.order import ID_BYTES, Address, Order, pack_order
from ..orders.states import FINAL
from ..trust import Signer, seal
from ..trust.sealed import COMMAND, DESIRED
from ..twin.document import Desired, pack_desired

AGAIN_S: Final = 2.0
QUIET_S: Final = 0.3
RESULTS, GETS = "s/+", "get"
Hear = Callable[[str, str, Envelope], None]


class NotAnswered(RipienoError):
    """No answer came in time, or the device has never been heard of; the message says which."""


@dataclass
class Seen:
    """What a device said last: its retained state, its retained report, when (us UTC, by its own clock)."""

    state: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    state_us: int = 0

    @property
    def address(self) -> Address | None:
        """How to address an order to its present life; None: it takes none."""
        match self.state:
            case {"orders": {"epoch": bytes(epoch), "boot": int(boot)}}:
                return Address(epoch, boot)
        return None


class Console:
    """Give it a broker and keys; `run()` is a task. `hear(device, what, envelope)` is called with all that comes."""

    def __init__(
        self,
        broker: Broker,
        fleet: str,
        name: str,
        clock: Clock,
        entropy: Entropy,
        keys: Sequence[Signer],
        hear: Hear = lambda _device, _what, _envelope: None,
    ) -> None:
        self._broker, self._fleet, self._clock, self._entropy = broker, fleet, clock, entropy
        self._keys, self._hear = keys, hear
        boot = int.from_bytes(entropy.token(4), "big")
        self._sender = Sender(name, boot, clock, entropy)
        self._waiting: dict[tuple[str, bytes], asyncio.Future[Mapping[str, Any]]] = {}
        self._told: dict[bytes, Callable[[str, Mapping[str, Any]], None]] = {}
        self._seq = 0
        self._heard_ns = 0
        self._up = asyncio.Event()
        self.why_down = ""
        self.seen: dict[str, Seen] = {}

    async def run(self, *also: str) -> None:
        """Stay connected until cancelled. `also`: what is heard beside states, reports and answers (RESULTS, GETS).

        Raises:
            BrokerError: another console uses this identity.
        """
        topics = [every_up(self._fleet, what) for what in ("state", "rep", "cmd", *also)]
        await self._broker.run(topics, self._on_message, self.connected, self.disconnected)

    async def ready(self, limit_s: float = 5.0, device: str = "") -> None:
        """Return when the retained states are in: of `device` if it is named, else when it is quiet.

        Raises:
            BrokerError: not connected in time, with the last reason.
            NotAnswered: `device` has left no state; the message has those that have.
        """
        try:
            async with asyncio.timeout(limit_s):
                await self._up.wait()
        except TimeoutError:
            raise BrokerError(self.why_down or "no connection") from None
        self._heard_ns = self._clock.monotonic_ns()
        while self._clock.monotonic_ns() - self._heard_ns < QUIET_S * 1e9 and not (device and self._is_known(device)):
            await self._clock.sleep(QUIET_S / 10)
        if device and not self._is_known(device):
            known = ", ".join(sorted(self.seen)) or "none"
            raise NotAnswered(f"no device {device!r} has told its state to this broker; there is {known}")

    async def ask(
        self,
        device: str,
        kind: str,
        args: Mapping[str, Any] | None = None,
        *,
        valid_s: float | None = None,
        on_progress: Callable[[str], None] = lambda _text: None,
    ) -> Mapping[str, Any]:
        """Sign an order, send it until it is answered, and return the final answer.

        Raises:
            NotAnswered: the device takes no orders, or did not answer while the order was valid.
            BrokerError: refused by the broker.
        """
        seen = self.seen.get(device)
        address = seen.address if seen is not None else None
        if address is None:
            raise NotAnswered(f"{device} takes no orders (its device file has no broker.orders)")
        order = self.make(kind, {device: address}, args or {}, valid_s)
        # The order's id outside too: who does not read what a stranger signed can still say which order it refuses.
        message = self._sender.wrap("command", seal(COMMAND, pack_order(order), self._keys), order.id)
        future: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[device, order.id] = future
        self._told[order.id] = lambda _device, answer: on_progress(str(answer.get("text", "")))
        until_ns = self._clock.monotonic_ns() + int(
            (order.expires_us - order.not_before_us) * 1000 + order.max_ms * 1e6
        )
        try:
            while True:
                await self._send(Topics(self._fleet, device).commands, message)
                try:
                    async with asyncio.timeout(AGAIN_S):
                        return await asyncio.shield(future)
                except TimeoutError:
                    if self._clock.monotonic_ns() > until_ns:
                        state = "online" if seen is not None and seen.state.get("online") else "offline"
                        raise NotAnswered(f"{device} ({state}) did not answer {order.id.hex()}") from None
        finally:
            self._waiting.pop((device, order.id), None)
            self._told.pop(order.id, None)
            future.cancel()

    def make(self, kind: str, to: Mapping[str, Address], args: Mapping[str, Any], valid_s: float | None) -> Order:
        """Return an order that is valid from now on. Only a stop names the boot: others may reach the next one."""
        now_us = self._clock.wall_ns() // 1000
        self._seq = max(self._seq + 1, now_us)
        known = KINDS.get(kind)
        longest_s = known.longest_s if known is not None else 30.0
        lasts_s = min(30.0 if valid_s is None else valid_s, longest_s)
        addresses = {device: address if kind == "stop" else Address(address.epoch) for device, address in to.items()}
        takes_ms = int((known.takes_s if known is not None else 10.0) * 1000)
        return Order(
            self._entropy.token(ID_BYTES),
            kind,
            addresses,
            now_us,
            now_us + int(lasts_s * 1e6),
            self._seq,
            args,
            takes_ms,
        )

    async def desire(self, device: str, values: Mapping[str, Any], rev: int) -> None:
        """Put a desired document with this revision on the broker, where it stays until the next.

        Raises:
            BrokerError: refused by the broker.
        """
        body = seal(DESIRED, pack_desired(Desired(device, rev, values)), self._keys)
        await self._send(Topics(self._fleet, device).desired, self._sender.wrap("desired", body), retain=True)

    async def give(self, device: str, type: str, body: Mapping[str, Any]) -> None:
        """Send a device a piece of a bundle that it asked for (updates.pieces).

        Raises:
            BrokerError: refused by the broker, or no connection.
        """
        await self._broker.publish(Topics(self._fleet, device).chunks, self._sender.wrap(type, body))

    async def forget(self, device: str) -> None:
        """Take away what the broker keeps of a device.

        Raises:
            BrokerError: refused by the broker.
        """
        topics = Topics(self._fleet, device)
        for topic in (topics.state, topics.reported, topics.desired):
            await self._send(topic, b"", retain=True)

    async def _send(self, topic: str, message: bytes, *, retain: bool = False) -> None:
        await self._up.wait()
        await self._broker.publish(topic, message, retain=retain)

    def _is_known(self, device: str) -> bool:
        seen = self.seen.get(device)
        return seen is not None and bool(seen.state)

    def connected(self) -> None:
        """The broker is there."""
        self._up.set()

    def disconnected(self, why: str) -> None:
        """The broker is away."""
        self.why_down = why
        self._up.clear()

    def _on_message(self, topic: str, payload: bytes, ack: Callable[[], None]) -> None:
        ack()
        self._heard_ns = self._clock.monotonic_ns()
        parts = topic.split("/")
        if len(parts) < 6 or not payload:
            if len(parts) >= 6 and parts[5] == "state":
                self.seen.pop(parts[3], None)  # decommissioned
            return
        device, what = parts[3], "/".join(parts[5:])
        try:
            envelope = decode(payload)
        except BadEnvelope:
            return  # a console shows what it can read; the consumer counts what is broken
        if envelope.src != device:
            return
        seen = self.seen.setdefault(device, Seen())
        if what == "state":
            # A death carries only a boot: how to address the device is kept, for it may be back before we know.
            seen.state = {**seen.state, **envelope.body}
            seen.state_us = envelope.ts_us
        elif what == "rep":
            seen.report = envelope.body
        elif what == "cmd":
            self._on_answer(device, envelope.body)
        self._hear(device, what, envelope)

    def _on_answer(self, device: str, answer: Mapping[str, Any]) -> None:
        id = answer.get("id")
        if not isinstance(id, bytes):
            return
        future = self._waiting.get((device, id))
        if future is not None and not future.done() and answer.get("state") in FINAL:
            future.set_result(answer)
        elif id in self._told:
            self._told[id](device, answer)
