"""Pulses on their way to a device that remembers nothing: each is handed out once, durable and due.

fire -> intent durable -> due -> `take`: begun -> `settle`: outcome
     refused, withdrawn, late, never taken: NOT_EXECUTED
of an earlier run: IN_DOUBT, for nobody can be asked
"""

from __future__ import annotations

import asyncio
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ripieno.contracts.driver import Context, Intent, Point
from ripieno.errors import StorageError
from ripieno.values import Act, Outcome, OutcomeKind, Pulse, Trigger

MAX_WAITING: Final = 256
_NS: Final = 1_000_000_000


@dataclass(slots=True, eq=False)
class Order:
    """One pulse. Times in host ns; `sent_ns`: when the line took the first byte of the act, 0: it has not."""

    pulse: Pulse
    point: Point
    intent: Intent
    due_ns: int
    closes_ns: int
    outcome: asyncio.Future[Outcome]
    is_durable: bool = False
    refused: str = ""
    nobody_waits: bool = False
    sent_ns: int = 0


class Orders:
    """`changed` is called when there may be something to take."""

    def __init__(self, context: Context, changed: Callable[[], None], rearm: str) -> None:
        self._context = context
        self._changed = changed
        self._auto = rearm == "auto"
        self._points: Mapping[str, Point] = {one.name: one for one in context.points if one.kind == "pulse"}
        self._waiting: list[Order] = []
        self._begun: Order | None = None
        self._highest = 0
        self._why_not = "the device is down"
        self._is_up = self._is_armed = False

    # Whether outputs may move.

    @property
    def may_move(self) -> bool:
        return self._is_up and self._is_armed

    def up(self) -> None:
        """The device answers; with `rearm: auto` outputs may move."""
        self._is_up = True
        if self._auto:
            self._is_armed = True

    def down(self, why: str) -> None:
        """The device is lost: nothing that waits has happened, and a person must arm anew."""
        self._is_up = self._is_armed = False
        self._why_not = why
        self.refuse_all(why)

    def rearm(self) -> None:
        """A person says that outputs may move; said, and not kept for later, where that is not possible now."""
        if self._is_up:
            self._is_armed = True
            self._changed()
        else:
            self._context.say(f"{self._context.device}: not armed: {self._why_not}")

    # In.

    def resolve_earlier(self) -> None:
        """Acts of an earlier run have only one honest outcome here."""
        for intent in self._context.intents.open(self._context.device):
            why = "the daemon ended before its outcome was known, and the device remembers no acts"
            self._context.settled(Outcome(intent.act, OutcomeKind.IN_DOUBT, why))

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        """As `Device.fire`."""
        point = self._points.get(pulse.output)
        if why := self._unfit(pulse, point):
            return Outcome(pulse.act, OutcomeKind.NOT_EXECUTED, why)
        assert point is not None
        device, now_ns = self._context.device, self._context.clock.monotonic_ns()
        self._highest = max(self._context.intents.highest(device), self._highest) + 1
        crc = zlib.crc32(repr((pulse.output, pulse.value, pulse.hold_s)).encode())
        due_ns = now_ns if pulse.trigger is Trigger.NOW else int(pulse.begin)
        order = Order(
            pulse,
            point,
            Intent(pulse.act, device, self._highest, 0, crc, note),
            due_ns,
            due_ns + round(pulse.late * _NS),
            asyncio.get_running_loop().create_future(),
        )
        self._waiting.append(order)
        try:
            await self._context.intents.write(order.intent)
        except StorageError:
            order.refused = order.refused or "storage"
        except BaseException:
            order.refused, order.nobody_waits = "cancelled before it was sent", True
            self._sweep(now_ns)
            raise
        order.is_durable = True
        self._sweep(self._context.clock.monotonic_ns())
        self._changed()
        try:
            return await asyncio.shield(order.outcome)
        except asyncio.CancelledError:
            order.nobody_waits = True
            if order.outcome.done() and not order.outcome.cancelled():
                self._context.settled(order.outcome.result())
            raise

    def withdraw(self, act: Act) -> None:
        """Take back what has not been sent; an order that was taken is asked to look at `refused` before it is."""
        for order in [*self._waiting, *([self._begun] if self._begun is not None else [])]:
            if order.pulse.act == act:
                order.refused = order.refused or "withdrawn before it was sent"
        self._sweep(self._context.clock.monotonic_ns())

    # Out.

    def take(self) -> Order | None:
        """Return an order whose time has come, the oldest first; it must be settled before the next is taken."""
        now_ns = self._context.clock.monotonic_ns()
        self._sweep(now_ns)
        ready = [order for order in self._waiting if order.is_durable and order.due_ns <= now_ns]
        if not ready or self._begun is not None:
            return None
        self._begun = min(ready, key=lambda order: order.due_ns)
        self._waiting.remove(self._begun)
        return self._begun

    def next_due_ns(self) -> int | None:
        """Return when there is something to take, or to refuse as late."""
        return min((order.due_ns if order.is_durable else order.closes_ns for order in self._waiting), default=None)

    def settle(self, order: Order, kind: OutcomeKind, why: str = "") -> None:
        """Give an order its outcome; the first one stands."""
        if order is self._begun:
            self._begun = None
        if order.outcome.done():
            return
        outcome = Outcome(order.pulse.act, kind, why, order.sent_ns, None, order.sent_ns)
        order.outcome.set_result(outcome)
        if order.nobody_waits:
            self._context.settled(outcome)

    def refuse_all(self, why: str) -> None:
        """Nothing that waits will be sent."""
        for order in [*self._waiting, *([self._begun] if self._begun is not None else [])]:
            order.refused = order.refused or why
        self._sweep(self._context.clock.monotonic_ns())

    def _sweep(self, now_ns: int) -> None:
        """Settle what will not be sent: refused, or late. One that is late before it is durable is storage's fault."""
        for order in [one for one in self._waiting if one.refused or now_ns > one.closes_ns]:
            self._waiting.remove(order)
            late = "late: its window had passed" if order.is_durable else "storage"
            self.settle(order, OutcomeKind.NOT_EXECUTED, order.refused or late)

    def _unfit(self, pulse: Pulse, point: Point | None) -> str:
        if point is None:
            return f"no pulse output is called {pulse.output}"
        if not self._is_up:
            return self._why_not
        if not self._is_armed:
            return "not armed: a person must rearm the device"
        if pulse.trigger is Trigger.POSITION:
            return "this device knows no position"
        if not all(map(math.isfinite, (pulse.value, pulse.begin, pulse.late, pulse.hold_s))):
            return "a number of the pulse is not finite"
        if pulse.late < 0 or pulse.hold_s <= 0:
            return f"late {pulse.late:g} s or hold {pulse.hold_s:g} s is out of range"
        if len(self._waiting) >= MAX_WAITING:
            return f"{MAX_WAITING} acts wait already"
        return ""
