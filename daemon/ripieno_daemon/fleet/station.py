"""A device's end of the fleet: one connection, and each message to whom it is for.

    dn/ack/STREAM -> that outbox      dn/cmd, all/cmd -> orders      dn/des -> twin      dn/blk -> updates
    anything else: counted
    orders' answers -> up/cmd         twin's report -> up/rep (retained)      description -> up/state (retained)

Orders, twin and updates are handed in as what they take and what they have to say; this room does not know them.
Nothing here ends the daemon: a connection that another client has taken over is given up with an alarm, and the line
goes on.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from ripieno.contracts.ports import Broker, Clock
from ripieno.errors import BrokerError

from .envelope import BadEnvelope, Sender
from .outbox import Outbox
from .topics import Topics

RETRY_S: Final = 1.0
MAX_TRIES: Final = 3


class Orders(Protocol):
    """What the station needs of orders. `answers` are taken from the left once the broker has them."""

    answers: deque[dict[str, Any]]
    publish_soon: Callable[[], None]

    def take(self, payload: bytes, ack: Callable[[], None], *, to_all: bool = False) -> None: ...
    def birth(self) -> Mapping[str, Any]: ...
    async def run(self) -> None: ...


class Reported(Protocol):
    """What the station needs of a twin."""

    report_soon: Callable[[], None]

    def take(self, payload: bytes, ack: Callable[[], None]) -> None: ...
    def report(self) -> Mapping[str, Any]: ...
    async def run(self) -> None: ...


class Chunks(Protocol):
    """What the station needs of updates."""

    def take(self, payload: bytes, ack: Callable[[], None]) -> None: ...


class Station:
    """Everything a device says to its fleet and hears from it. `run()` is a task, the only one to start.

    Args:
        describe: what the retained state says beside `online`, `boot` and `orders`: plan, version, pipeline.
    """

    def __init__(
        self,
        broker: Broker,
        topics: Topics,
        sender: Sender,
        clock: Clock,
        *,
        boot: int,
        outboxes: Mapping[str, Outbox],
        orders: Orders | None = None,
        twin: Reported | None = None,
        chunks: Chunks | None = None,
        describe: Callable[[], Mapping[str, Any]] = dict,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._broker, self._topics, self._sender, self._clock = broker, topics, sender, clock
        self._boot, self._describe, self._say = boot, describe, say
        self._outboxes = {topics.receipt(name): outbox for name, outbox in outboxes.items()}
        self._orders, self._twin, self._chunks = orders, twin, chunks
        self._is_up = asyncio.Event()
        self._has_answers, self._has_state, self._has_report = asyncio.Event(), asyncio.Event(), asyncio.Event()
        if orders is not None:
            orders.publish_soon = self._has_answers.set
        if twin is not None:
            twin.report_soon = self._has_report.set
        self.counts: Counter[str] = Counter()

    @property
    def subscriptions(self) -> Sequence[str]:
        """What this device has to hear."""
        wanted = list(self._outboxes)
        if self._orders is not None:
            wanted += [self._topics.commands, self._topics.commands_to_all]
        if self._twin is not None:
            wanted.append(self._topics.desired)
        if self._chunks is not None:
            wanted.append(self._topics.chunks)
        return wanted

    def state_changed(self) -> None:
        """What `describe` says has changed: tell it again."""
        self._has_state.set()

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as group:
            for outbox in self._outboxes.values():
                group.create_task(outbox.run(), name="outbox")
            if self._orders is not None:
                group.create_task(self._orders.run(), name="orders")
                group.create_task(self._answer(self._orders), name="answers")
            if self._twin is not None:
                group.create_task(self._twin.run(), name="twin")
                group.create_task(self._keep_telling(self._has_report, self._tell_report), name="twin report")
            group.create_task(self._keep_telling(self._has_state, self._tell_state), name="state")
            group.create_task(self._connect(), name="broker")

    async def _connect(self) -> None:
        try:
            await self._broker.run(self.subscriptions, self._take, self._up, self._down)
        except BrokerError as error:
            self._say(f"ALARM the fleet is given up until a restart: {error}")
            self._down(str(error))

    def _take(self, topic: str, payload: bytes, ack: Callable[[], None]) -> None:
        outbox = self._outboxes.get(topic)
        if outbox is not None:
            outbox.on_message(topic, payload, ack)
        elif self._orders is not None and topic == self._topics.commands:
            self._orders.take(payload, ack)
        elif self._orders is not None and topic == self._topics.commands_to_all:
            self._orders.take(payload, ack, to_all=True)
        elif self._twin is not None and topic == self._topics.desired:
            self._twin.take(payload, ack)
        elif self._chunks is not None and topic == self._topics.chunks:
            self._chunks.take(payload, ack)
        else:
            self.counts["topic"] += 1  # a broker that sends what nobody asked for is not obeyed
            ack()

    def _up(self) -> None:
        self._say("broker: up")
        self._is_up.set()
        self._has_state.set()
        self._has_report.set()
        for outbox in self._outboxes.values():
            outbox.on_up()

    def _down(self, why: str) -> None:
        self._say(f"broker: down: {why}; results wait in the ledger")
        self._is_up.clear()
        for outbox in self._outboxes.values():
            outbox.on_down(why)

    async def _answer(self, orders: Orders) -> None:
        """Send answers in their order. One that is lost with its connection is asked for again by its order's id."""
        while True:
            await self._has_answers.wait()
            self._has_answers.clear()
            tries = 0
            while orders.answers:
                answer = orders.answers[0]
                await self._is_up.wait()
                try:
                    await self._broker.publish(self._topics.answers, self._sender.wrap("answer", answer))
                except (BrokerError, BadEnvelope) as error:
                    tries += self._is_up.is_set()
                    if tries < MAX_TRIES:
                        await self._clock.sleep(RETRY_S)
                        continue
                    self._say(f"an answer cannot be sent: {error}")  # and must not stand before all others
                tries = 0
                if orders.answers and orders.answers[0] is answer:  # a full deque drops from the left too
                    orders.answers.popleft()

    async def _tell_state(self) -> None:
        state: dict[str, Any] = {**self._describe(), "online": True, "boot": self._boot}
        if self._orders is not None:
            state["orders"] = dict(self._orders.birth())
        await self._broker.publish(self._topics.state, self._sender.wrap("state", state), retain=True)

    async def _tell_report(self) -> None:
        assert self._twin is not None
        report = self._sender.wrap("reported", self._twin.report())
        await self._broker.publish(self._topics.reported, report, retain=True)

    async def _keep_telling(self, wanted: asyncio.Event, tell: Callable[[], Any]) -> None:
        while True:
            await wanted.wait()
            await self._is_up.wait()
            wanted.clear()
            try:
                await tell()
            except BrokerError:
                wanted.set()
                await self._clock.sleep(RETRY_S)
