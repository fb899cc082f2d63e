"""The way into the journal: what comes is made durable, all that waits in one transaction, then acknowledged.

A question may be answered meanwhile; its outcome becomes durable together with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from ripieno.contracts.ports import Clock
from ripieno.errors import StorageError

from .journal import Entry, Found, Journal
from .order import Order
from .states import State

RETRY_S: Final = 1.0
ANSWER_FIRST_S: Final = 0.002  # the journal's thread and the answer to a question would take turns at the interpreter


class Incoming(NamedTuple):
    """An order on its way into the journal. `is_under_way`: a question that is being answered meanwhile."""

    order: Order
    entry: Entry
    ack: Callable[[], None]
    is_under_way: bool = False


class Intake:
    """Orders on their way into one journal. `run` is a task; `route` has each order that is in it, and what it is."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        route: Callable[[Order, Found], Awaitable[None]],
        say: Callable[[str], None],
    ) -> None:
        self._journal, self._clock, self._route, self._say = journal, clock, route, say
        self._inbox: asyncio.Queue[Incoming] = asyncio.Queue()  # bounded by what a broker sends unacknowledged
        self._seqs = dict(journal.seqs)
        self._under_way: dict[bytes, tuple[State, dict[str, Any]] | None] = {}
        self._before = 0  # orders that a question must not overtake

    def put(self, incoming: Incoming) -> None:
        """Queue an order; it is acknowledged once it is durable."""
        self._before += not incoming.is_under_way
        self._inbox.put_nowait(incoming)

    def begin_at_once(self, order: Order, entry: Entry, begin: Callable[[Order], bool]) -> bool:
        """Begin a question before it is in the journal: nothing goes before it, and its number shows that it is new."""
        if self._before or order.seq <= self._seqs.get(entry.key, 0):
            return False
        self._seqs[entry.key] = order.seq
        self._under_way[order.id] = None
        if not begin(order):
            del self._under_way[order.id]
            return False
        return True

    async def keep(self, order: Order, state: State, answer: dict[str, Any]) -> None:
        """Make an outcome durable: of a question that is not in the journal yet, together with it."""
        if order.id in self._under_way:
            self._under_way[order.id] = (state, answer)
        else:
            await self._journal.finish(order.id, state, answer)

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            batch = [await self._inbox.get()]
            if batch[0].is_under_way and self._inbox.empty():
                await self._clock.sleep(ANSWER_FIRST_S)
            while not self._inbox.empty():
                batch.append(self._inbox.get_nowait())
            found = await self._receive([each.entry for each in batch])
            self._before -= sum(not each.is_under_way for each in batch)
            for each, one in zip(batch, found, strict=True):
                each.ack()
                if one.is_new and one.refusal is None:
                    self._seqs[each.entry.key] = max(each.entry.seq, self._seqs.get(each.entry.key, 0))
                try:
                    if not each.is_under_way:
                        await self._route(each.order, one)
                    elif (outcome := self._under_way.pop(each.order.id)) is not None:
                        await self._journal.finish(each.order.id, *outcome)
                except StorageError as error:
                    self._say(f"order {each.order.kind} {each.order.id.hex()}: not durable: {error}")

    async def _receive(self, entries: list[Entry]) -> list[Found]:
        in_trouble = False
        while True:
            try:
                return await self._journal.receive(entries)
            except StorageError as error:
                if not in_trouble:
                    self._say(f"ALARM orders wait, their journal is not durable: {error}")
                in_trouble = True
                await self._clock.sleep(RETRY_S)
