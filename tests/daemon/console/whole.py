"""A whole device end (outbox, orders, twin, station) over any broker, and a console for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from daemon.orders.kit import ROOT
from daemon.twin.test_twin import Line

from ripieno.contracts.ports import Broker, Clock, Entropy, Storage
from ripieno.plan import BrokerPlan, Plan, StoragePlan
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.orders.executors import Said, Status
from ripieno_daemon.remote.stationed import Afar, open_station
from ripieno_daemon.trust.enrolled import Enrolled

PLAN = Plan(
    format=1,
    device="line-1",
    site="here",
    runtime="auto",
    pipelines=(),
    devices=(),
    broker=BrokerPlan("mqtt", "127.0.0.1", 8883, "plant"),
    storage=StoragePlan("/", 0, 0),
)


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
        afar = Afar(
            Enrolled(self.root, self._policy),
            {"status": Status(lambda: {"parts": 12}), "logs": said.logs, "restart": self._restart},
            self.line,
            self.stops.append,
            lambda _end: None,
            lambda: 2,
        )
        stationed = await open_station(
            PLAN,
            self._broker,
            self.ledger,
            storage,
            clock,
            entropy,
            afar,
            boot=boot,
            describe=lambda: {"version": "1", "plan": "abc"},
            say=said,
        )
        self.station, self.outbox = stationed.station, stationed.outbox
        assert stationed.orders is not None
        self.desk = stationed.orders
        self.ledger.on_commit = self.outbox.on_commit
        tasks = [asyncio.create_task(self.ledger.run()), asyncio.create_task(self.station.run())]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await stationed.close()
            await database.close()

    async def _restart(self, _args: Mapping[str, Any], tell: Any) -> Mapping[str, Any]:
        tell("ending the pipeline")
        self.restarts += 1
        await self._clock.sleep(0.1)
        return {}
