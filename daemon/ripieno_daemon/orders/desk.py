"""The way of an order: size, signature, who may ask, window, journal, turn, answer. And stop, which is shorter.

    bytes -> 64 kB? -> envelope -> signature over exactly these bytes -> decoded -> for this device, epoch, boot?
          -> may this key? -> in its window? -> arguments? -> how often? -> journal (id, number) -> ack -> doing

A refusal by a listed key is in the journal too: what was refused once is not done because it is sent again. A stop is
done on the loop, before the journal, for any listed key: once for its id, and only for this boot, so that no recorded
one can halt a plant; a person at the device clears it. A question whose number is new is answered while the journal
writes: it changes nothing, and a device whose disk is full can still say so.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from ripieno.contracts.ports import Clock, Database, Entropy
from ripieno.errors import StorageError

from ..fleet.envelope import BadEnvelope, Envelope, decode
from ..trust import BadSeal, Policy, parse_sealed, signers
from ..trust.sealed import COMMAND
from . import admission
from .admission import Here, Rate, Refusal
from .doing import CUT, Doing
from .executors import Executor, NotDone
from .intake import Incoming, Intake
from .journal import Entry, Found, Journal, Unfinished
from .kinds import KINDS, Effect
from .order import STOP, BadOrder, Order, parse_order
from .states import FINAL, State
from .telling import Telling
from .trusted import Trusted

MAX_COMMAND_BYTES: Final = 64 * 1024


class OrderDesk:
    """The orders of one device. Open with `OrderDesk.open`; `run()` is a task; the rest is called on the loop.

    Args of `open`:
        stop: makes all outputs safe at once and keeps them so; called on the loop, must not wait or raise.
        clock_quality: 0 nobody knows the time, 1 plausible, 2 synchronised.
        record: each order that came to an end, for the ledger.
    `publish_soon` is set by who has the broker: it is called when there is something in `answers`.
    """

    def __init__(
        self,
        journal: Journal,
        trusted: Trusted,
        policy: Policy,
        executors: Mapping[str, Executor],
        *,
        device: str,
        boot: int,
        clock: Clock,
        clock_quality: Callable[[], int],
        stop: Callable[[str], None],
        say: Callable[[str], None],
        record: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._journal, self._trusted, self._policy = journal, trusted, policy
        self._device, self._boot, self._clock, self._clock_quality = device, boot, clock, clock_quality
        self._stop, self._say = stop, say
        self.publish_soon: Callable[[], None] = lambda: None
        self._telling = Telling(say, record, lambda: self.publish_soon())
        self._latest_us = max(journal.notes.latest_us, policy.issued_us)
        self._stopped_by = journal.notes.stop
        self._stops: set[bytes] = set()
        self._rate = Rate()
        self._unfinished = journal.unfinished
        self._intake = Intake(journal, clock, self._route, say)
        self._doing = Doing(
            journal, {**executors, "policy": self._take_policy}, self._answer, self._is_expired, say, self._intake.keep
        )
        self.answers, self.counts = self._telling.answers, self._telling.counts

    @classmethod
    async def open(
        cls,
        database: Database,
        entropy: Entropy,
        trusted: Trusted,
        executors: Mapping[str, Executor],
        *,
        device: str,
        boot: int,
        clock: Clock,
        clock_quality: Callable[[], int],
        stop: Callable[[str], None],
        say: Callable[[str], None] = lambda _text: None,
        record: Callable[[Mapping[str, Any]], None] = lambda _end: None,
    ) -> OrderDesk:
        """Open the journal and choose the newer policy of the enrolled and the received one.

        Raises:
            StorageError: the disk refused.
            BadSeal: the enrolled policy is not signed by the root key, or is of another fleet.
        """
        journal = await Journal.open(database, entropy)
        return cls(
            journal,
            trusted,
            trusted.newer(journal.notes.policy),
            executors,
            device=device,
            boot=boot,
            clock=clock,
            clock_quality=clock_quality,
            stop=stop,
            say=say,
            record=record,
        )

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._policy

    @property
    def is_stopped(self) -> bool:
        """Whether a stop from afar holds; a restart does not clear it."""
        return bool(self._stopped_by)

    async def clear_stop(self) -> None:
        """A person at the device says that the stop is over.

        Raises:
            StorageError: the disk refused; after a restart the stop would hold again.
        """
        self._stopped_by = b""
        await self._journal.note("stop", b"")

    def birth(self) -> dict[str, Any]:
        """What an operator must know to address an order, for the retained state of the device."""
        return {
            "epoch": self._journal.notes.epoch,
            "boot": self._boot,
            "policy": self._policy.serial,
            "kinds": [*self._doing.kinds, STOP],
            "stopped": self.is_stopped,
        }

    def take(self, payload: bytes, ack: Callable[[], None], *, to_all: bool = False) -> None:
        """Take one message of a command topic; `ack` is called when it need not come again.

        `to_all`: it came on a topic for many, where an order for others is nothing to answer.
        """
        try:
            envelope = decode(payload, MAX_COMMAND_BYTES)
        except BadEnvelope as error:
            self._telling.turn_away(None, Refusal(error.reason, str(error)), ack)
            return
        try:
            if envelope.type != "command":
                raise BadOrder("type", f"a message of type {envelope.type!r}; 'command' was expected")
            sealed = parse_sealed(envelope.body)
            keys = signers(COMMAND, sealed, self._policy.publics)
            order = parse_order(sealed.payload)
        except (BadSeal, BadOrder) as error:
            self._telling.turn_away(envelope, Refusal(error.reason, str(error)), ack)
            return
        here = self._here()
        if (refusal := admission.is_addressed(order, here)) is not None:
            self._telling.turn_away(None if to_all and refusal.reason == "target" else envelope, refusal, ack)
        elif order.kind == STOP:
            self._take_stop(order, keys[0], envelope, sealed.payload, ack)
        else:
            entry = self._entry(order, keys[0], sealed.payload, self._refusal(order, keys, here))
            self._intake.put(Incoming(order, entry, ack, self._is_answered_at_once(order, entry)))

    async def run(self) -> None:
        """Serve until cancelled: first what was left unfinished, then what comes."""
        unfinished, self._unfinished = self._unfinished, ()  # once: whoever runs this again must not do them again
        for left in unfinished:
            await self._resume(left)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._doing.run(), name="orders")
            group.create_task(self._intake.run(), name="orders journal")

    async def close(self) -> None:
        """Close the journal."""
        await self._journal.close()

    def _refusal(self, order: Order, keys: tuple[str, ...], here: Here) -> Refusal | None:
        role = self._doing.role(order.kind, order.args)
        refusal = (
            admission.is_allowed(order, keys, self._policy, self._device, role)
            or admission.is_timely(order, here)
            or admission.is_well_formed(order)
        )
        if refusal is None and not self._doing.is_possible(order.kind):
            refusal = Refusal("kind", f"this device cannot do {order.kind}; it can {', '.join(self._doing.kinds)}")
        if refusal is None:
            rule = self._policy.keys[keys[0]]
            if not self._rate.take(keys[0], rule.per_minute, self._clock.monotonic_ns()):
                refusal = Refusal("rate", f"key {keys[0]} may ask {rule.per_minute} times a minute")
        return refusal

    def _is_answered_at_once(self, order: Order, entry: Entry) -> bool:
        """Begin a question now, if nothing before it waits for the journal and its number shows that it is new."""
        if entry.refusal is not None or KINDS[order.kind].effect is not Effect.READ:
            return False
        return self._intake.begin_at_once(order, entry, self._doing.put)

    def _entry(self, order: Order, key: str, payload: bytes, refusal: Refusal | None) -> Entry:
        return Entry(
            order.id,
            hashlib.sha256(payload).digest(),
            order.kind,
            key,
            0 if order.kind == STOP else order.seq,
            0 if order.kind == STOP else order.not_before_us,
            self._clock.wall_ns() // 1000,
            order.expires_us,
            payload,
            refusal,
        )

    def _take_stop(self, order: Order, key: str, envelope: Envelope, payload: bytes, ack: Callable[[], None]) -> None:
        if order.to[self._device].boot != self._boot:
            self._telling.turn_away(envelope, Refusal("boot", f"a stop names the boot; this one is {self._boot}"), ack)
            return
        if order.id not in self._stops:
            self._stops.add(order.id)
            self._stopped_by = order.id
            self.counts["done stop"] += 1
            self._say(f"STOP from afar, by key {key}: {self._policy.keys[key].name}; a person here clears it")
            self._stop("stop from afar")
        self._intake.put(Incoming(order, self._entry(order, key, payload, None), ack))

    async def _route(self, order: Order, found: Found) -> None:
        if not found.is_new:
            self.counts["again"] += 1
            if found.refusal is not None:
                self._telling.refuse(order, found.refusal)
            elif found.state in FINAL:
                self._telling.send(order, found.answer or {"state": found.state.value})
        elif found.refusal is not None:
            self._telling.refuse(order, found.refusal)
        elif order.kind == STOP:
            await self._doing.finish(order, State.DONE, result={"boot": self._boot})
        elif not self._doing.put(order):
            await self._doing.finish(order, State.REFUSED, reason="busy", text="too many orders wait here")

    async def _resume(self, left: Unfinished) -> None:
        """What was accepted before this start: begin it if it is still in time, never an actuation that was begun."""
        order = parse_order(left.payload)
        effect = KINDS[left.kind].effect if left.kind in KINDS else Effect.ACTUATE
        was_begun = left.state is State.EXECUTING
        role = self._doing.role(left.kind, order.args)
        is_listed = admission.may(self._policy, left.key, left.kind, self._device, role)
        in_time = self._here().has_time and not self._is_expired(order) and is_listed
        try:
            if was_begun and self._doing.take_up(order):
                pass  # whoever did it has outlived the life that asked, and tells what became of it
            elif was_begun and (effect is Effect.ACTUATE or not in_time):
                await self._doing.finish(order, State.UNKNOWN, reason="restart", text=CUT)
            elif order.kind == STOP:
                await self._doing.finish(order, State.DONE, result={})
            elif not in_time or not self._doing.is_possible(left.kind) or not self._doing.put(order):
                await self._doing.finish(order, State.EXPIRED, reason="expired", text="it was not begun in time")
        except StorageError as error:
            self._say(f"order {left.kind} {left.id.hex()}: not durable: {error}")

    async def _take_policy(self, args: Mapping[str, Any], _tell: Callable[[str], None]) -> Mapping[str, Any]:
        """`policy`: a newer policy, signed by the root key, takes the place of this one."""
        try:
            policy = self._trusted.read(args["signed"])
        except BadSeal as error:
            raise NotDone(error.reason, str(error)) from None
        if policy.serial <= self._policy.serial:
            raise NotDone("serial", f"policy {policy.serial} is not above {self._policy.serial}, which is in force")
        await self._journal.note("policy", args["signed"])
        self._policy = policy
        self._latest_us = max(self._latest_us, policy.issued_us)
        return {"serial": policy.serial}

    def _here(self) -> Here:
        return Here(
            self._device,
            self._journal.notes.epoch,
            self._boot,
            self._clock.wall_ns() // 1000,
            self._clock_quality(),
            self._latest_us,
        )

    def _is_expired(self, order: Order) -> bool:
        here = self._here()
        return here.has_time and here.now_us > order.expires_us

    def _answer(self, order: Order, answer: dict[str, Any]) -> None:
        """An outcome, or a word on how far it is."""
        if self._telling.came_to(order, answer) and order.kind != STOP:
            self._latest_us = max(self._latest_us, order.not_before_us)
