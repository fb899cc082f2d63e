"""What a driver is given: the ports, the points of its device, and where its reports go."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ripieno.contracts.driver import Arrival, Context, Driver, Point
from ripieno.contracts.ports import Clock
from ripieno.plan import DevicePlan

from ..conducting.conductor import Conductor
from ..ledger import IntentFile
from .devices import MakeContext
from .ports import Ports


def contexts(
    ports: Ports,
    conductor: Conductor,
    intents: IntentFile,
    report: Callable[[Arrival], None],
    say: Callable[[str], None],
    recorded: Callable[[], Awaitable[None]],
) -> MakeContext:
    """Return what makes the context of a device.

    Args:
        report: takes what a driver has to tell.
        recorded: returns when what was told until now is durable; raises StorageError.
    """

    def context(plan: DevicePlan, driver: Driver, clock: Clock) -> Context:
        return Context(
            device=plan.name,
            points=[Point(p.name, p.kind, driver.point(**p.settings)) for p in plan.points],
            clock=clock,
            entropy=ports.entropy,
            lines=ports.lines,
            folder=ports.folder,
            storage=ports.storage,
            intents=intents,
            report=report,
            settled=conductor.settled,
            say=say,
            processes=ports.processes,
            network=ports.network,
            files=ports.files,
            brokers=ports.brokers,
            doors=ports.doors,
            recorded=recorded,
        )

    return context
