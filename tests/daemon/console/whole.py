"""A whole device end (outbox, orders, twin, station) over any broker, and a console for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from daemon.orders.kit import ROOT
from daemon.twin.test_twin import Line

from ripieno.contracts.ports import Broker, Clock, Entropy, Storage
from ripieno_daemon.fleet import Outbox, Sender, Station, Topics
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.orders import OrderDesk
from ripieno_daemon.orders.desk import Trusted
from ripieno_daemon.orders.executors import Said, Status
from ripieno_daemon.twin import Twin


class Whole:
    """line-1 with everything that an app would hand in."""

    def __init__(self, storage: Storage, broker: Broker, clock: Clock, entropy: Entropy, policy: bytes) -> None:
        self._storage, self._broker, self._clock, self._entropy = storage, broker, clock, entropy
        self._policy, self.root = policy, ROOT.public
        self.line = Line()
        self.stops: list[str] = []
        self.said: list[str] = []
        self.restarts = 0

    @asynccontextmanager
    async def running(self, boot: int = 1) -> AsyncIterator[Whole]:
        clock, entropy, storage = self._clock, self._entropy, self._storage
        said = Said(clock, self.said.append)
        database = storage.database("ledger.sqlite")
        self.ledger = await Ledger.open(database, clock, entropy, group_ms=5)
        topics, sender = Topics("plant", "line-1"), Sender("line-1", boot, clock, entropy)
        outbox = Outbox(self.ledger, self._broker, clock, topics, sender, say=said)
        self.ledger.on_commit = outbox.on_commit
        self.desk = await OrderDesk.open(
            storage.database("orders.sqlite"),
            entropy,
            Trusted("plant", self.root, self._policy),
            {"status": Status(lambda: {"parts": 12}), "logs": said.logs, "restart": self._restart},
            device="line-1",
            boot=boot,
            clock=clock,
            clock_quality=lambda: 2,
            stop=self.stops.append,
            say=said,
            record=lambda _end: None,
        )
        twin = await Twin.open(
            storage.database("twin.sqlite"), clock, "line-1", self.line, lambda: self.desk.policy, said
        )
        self.station = Station(
            self._broker,
            topics,
            sender,
            clock,
            boot=boot,
            outboxes={"results": outbox},
            orders=self.desk,
            twin=twin,
            describe=lambda: {"version": "1", "plan": "abc"},
            say=said,
        )
        tasks = [asyncio.create_task(self.ledger.run()), asyncio.create_task(self.station.run())]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await self.desk.close()
            await twin.close()
            await database.close()

    async def _restart(self, _args: Mapping[str, Any], tell: Any) -> Mapping[str, Any]:
        tell("ending the pipeline")
        self.restarts += 1
        await self._clock.sleep(0.1)
        return {}
