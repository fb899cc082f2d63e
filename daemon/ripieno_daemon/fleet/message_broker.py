"""A broker at the level of messages, in memory: for virtual time, for tests, and behind a unix socket for the demo.

What it shares with MQTT: topics with `+` and `#`, at-least-once delivery with acknowledgements, sessions that
outlive a connection and get again what was not acknowledged, at most 16 unacknowledged messages to one session,
retained messages, wills. It puts no MQTT on any wire, and its messages die with its process. With `Faults` it
loses, delays and repeats whole messages.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ripieno.contracts.ports import Clock, Entropy
from ripieno.errors import BrokerError

from .topics import is_never_retained, matches

UNACKED = 16
QUEUED = 10_000  # for one session; above, the newest is dropped and counted, as brokers do
RETRY_S = 0.2


@dataclass(frozen=True, slots=True)
class Faults:
    """Chances (0..1) that a message is lost for good, repeated, or late by up to `delay_s` seconds (out of order)."""

    drop: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    delay_s: float = 0.0


class Unheard(BrokerError):
    """The connection is good, and the broker did not take a message or had nobody to give it to: trying again at once
    will not help.
    """


class Will(NamedTuple):
    """What is published, retained, when a client goes without a word."""

    topic: str
    payload: bytes


class Delivery(NamedTuple):
    """A message on its way to a session; `number` is what an acknowledgement names."""

    number: int
    topic: str
    payload: bytes


class Session:
    """What the broker knows of a client, connected or not."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.subscriptions: tuple[str, ...] = ()
        self.will: Will | None = None
        self.waiting: deque[Delivery] = deque()
        self.unacked: dict[int, Delivery] = {}
        self.deliver: Callable[[Delivery], None] | None = None
        self.lost: Callable[[str], None] | None = None
        self.is_half_open = False


class MessageBroker:
    """The broker. `stop()` and `start()` cut and restore all connections; `forget()` also loses all that it holds."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._retained: dict[str, bytes] = {}
        self._number = 0
        self.is_up = True
        self.dropped = 0

    def attach(
        self,
        client_id: str,
        subscriptions: Sequence[str],
        deliver: Callable[[Delivery], None],
        lost: Callable[[str], None],
        will: Will | None = None,
    ) -> Session:
        """Connect a client; an older connection of the same id ends.

        Unacknowledged messages come again, retained ones come.

        Raises:
            BrokerError: the broker is stopped.
        """
        if not self.is_up:
            raise BrokerError("the broker is stopped")
        session = self._sessions.setdefault(client_id, Session(client_id))
        if session.lost is not None:
            session.lost("session taken over")
        session.subscriptions, session.will = tuple(subscriptions), will
        session.deliver, session.lost, session.is_half_open = deliver, lost, False
        session.waiting.extendleft(reversed(session.unacked.values()))
        session.unacked.clear()
        for topic, payload in self._retained.items():
            if not is_never_retained(topic) and any(matches(pattern, topic) for pattern in subscriptions):
                self._queue(session, topic, payload)
        self._pump(session)
        return session

    def detach(self, session: Session, deliver: Callable[[Delivery], None], *, in_order: bool = False) -> None:
        """Disconnect the connection that `deliver` stands for; publish the will unless it went in order."""
        if session.deliver is not deliver:
            return
        session.deliver = session.lost = None
        if session.will is not None and not in_order:
            self.publish(session.will.topic, session.will.payload, retain=True)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Give a message to all sessions that subscribe to it; empty and retained: forget the retained one."""
        if retain and payload:
            self._retained[topic] = payload
        elif retain:
            self._retained.pop(topic, None)
        for session in list(self._sessions.values()):
            if any(matches(pattern, topic) for pattern in session.subscriptions):
                self._queue(session, topic, payload)
                self._pump(session)

    def acknowledge(self, session: Session, number: int) -> None:
        """The client has done what the message asked for."""
        if session.unacked.pop(number, None) is not None:
            self._pump(session)

    def half_open(self, client_id: str) -> None:
        """Let nothing through to or from a client whose connection looks alive, until `notice`."""
        session = self._sessions.get(client_id)
        if session is not None and session.deliver is not None:
            session.is_half_open = True

    def notice(self, client_id: str) -> None:
        """The keepalive of a half-open connection has run out at both ends."""
        session = self._sessions.get(client_id)
        if session is not None and session.is_half_open:
            lost, session.deliver, session.lost = session.lost, None, None
            session.is_half_open = False
            if lost is not None:
                lost("no answer within the keepalive")

    def stop(self, why: str = "the broker stopped") -> None:
        """Cut all connections; sessions and retained messages stay."""
        self.is_up = False
        for session in self._sessions.values():
            lost, session.deliver, session.lost = session.lost, None, None
            if lost is not None:
                lost(why)

    def start(self) -> None:
        """Take connections again."""
        self.is_up = True

    def forget(self) -> None:
        """Lose sessions, queued and retained messages, as a broker without persistence does when it is killed."""
        self.stop("the broker was killed")
        self._sessions.clear()
        self._retained.clear()

    def client(
        self,
        client_id: str,
        clock: Clock,
        entropy: Entropy,
        *,
        latency_s: float = 0.001,
        faults: Faults | None = None,
        will: Will | None = None,
        birth: Callable[[], bytes] | None = None,
    ) -> MessageClient:
        """Return a `Broker` port in this process."""
        return MessageClient(self, client_id, clock, entropy, latency_s, faults or Faults(), will, birth)

    def _queue(self, session: Session, topic: str, payload: bytes) -> None:
        if len(session.waiting) >= QUEUED:
            self.dropped += 1
            return
        self._number += 1
        session.waiting.append(Delivery(self._number, topic, payload))

    def _pump(self, session: Session) -> None:
        while session.deliver is not None and session.waiting and len(session.unacked) < UNACKED:
            delivery = session.waiting.popleft()
            session.unacked[delivery.number] = delivery
            if not session.is_half_open:
                session.deliver(delivery)


class MessageClient:
    """The `Broker` port of one client in the broker's own process and clock."""

    def __init__(
        self,
        broker: MessageBroker,
        client_id: str,
        clock: Clock,
        entropy: Entropy,
        latency_s: float,
        faults: Faults,
        will: Will | None,
        birth: Callable[[], bytes] | None,
    ) -> None:
        self._broker, self._client_id, self._clock, self._entropy = broker, client_id, clock, entropy
        self._latency_s, self._faults, self._will, self._birth = latency_s, faults, will, birth
        self._session: Session | None = None

    async def run(
        self,
        subscriptions: Sequence[str],
        on_message: Callable[[str, bytes, Callable[[], None]], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        """Stay connected until cancelled; a cancelled client has gone without a word."""
        while True:
            inbox: asyncio.Queue[Delivery | str] = asyncio.Queue()  # bounded by UNACKED
            deliver = inbox.put_nowait
            try:
                session = self._broker.attach(self._client_id, subscriptions, deliver, inbox.put_nowait, self._will)
            except BrokerError:
                await self._clock.sleep(RETRY_S)
                continue
            self._session = session
            try:
                if self._will is not None and self._birth is not None:
                    self._broker.publish(self._will.topic, self._birth(), retain=True)
                on_up()
                why = await self._serve(session, inbox, on_message)
            finally:
                self._session = None
                self._broker.detach(session, deliver)
            on_down(why)
            await self._clock.sleep(RETRY_S)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Give a message to the broker; returns when it has it.

        Raises:
            BrokerError: not connected, or cut while it was on its way (then it may have arrived).
        """
        session = self._session
        if session is None:
            raise BrokerError("not connected")
        await self._clock.sleep(self._latency_s)
        while session.is_half_open and self._session is session:
            await self._clock.sleep(RETRY_S)
        if self._session is not session:
            raise BrokerError("the connection went while a message was on its way")
        if not self._happens(self._faults.drop):
            self._broker.publish(topic, payload, retain=retain)
            if self._happens(self._faults.duplicate):
                self._broker.publish(topic, payload, retain=retain)

    async def _serve(
        self,
        session: Session,
        inbox: asyncio.Queue[Delivery | str],
        on_message: Callable[[str, bytes, Callable[[], None]], None],
    ) -> str:
        async with asyncio.TaskGroup() as group:
            late: set[asyncio.Task[None]] = set()
            while True:
                delivery = await inbox.get()
                if isinstance(delivery, str):
                    for task in late:
                        task.cancel()
                    return delivery
                delay_s = self._latency_s
                if self._happens(self._faults.delay):
                    delay_s += self._faults.delay_s * self._chance()
                work = self._hand(session, delivery, delay_s, on_message)
                if delay_s > self._latency_s:
                    task = group.create_task(work, name=f"late message {delivery.number}")
                    late.add(task)
                    task.add_done_callback(late.discard)
                else:
                    await work

    async def _hand(
        self,
        session: Session,
        delivery: Delivery,
        delay_s: float,
        on_message: Callable[[str, bytes, Callable[[], None]], None],
    ) -> None:
        await self._clock.sleep(delay_s)
        if self._session is not session or session.is_half_open:
            return
        if self._happens(self._faults.drop):
            self._broker.acknowledge(session, delivery.number)
            return

        def ack() -> None:
            if self._session is session and not session.is_half_open:
                self._broker.acknowledge(session, delivery.number)

        on_message(delivery.topic, delivery.payload, ack)

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self._chance() < chance

    def _chance(self) -> float:
        return int.from_bytes(self._entropy.token(4), "big") / 2**32
