"""Puts a device's end of the fleet together from what the app has: outbox, orders, twin, station."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ripieno.contracts.ports import Broker, Clock, Entropy, Storage
from ripieno.plan import Plan

from ..fleet import Outbox, Quota, Sender, Station, Topics
from ..ledger import Ledger
from ..orders import Executor, NotDone, OrderDesk, Trusted
from ..trust.enrolled import Enrolled
from ..twin import BadDocument, Settings, Twin

if TYPE_CHECKING:
    from ..updates.updates import Ask, Updates

STREAM = "results"


@dataclass(frozen=True, slots=True)
class Afar:
    """What may be done from afar. `enrolled` None: nobody is obeyed, only results go out.

    Args:
        executors: by kind of order (orders/kinds.py); a kind without one is refused as impossible here.
        settings: what the twin sets; None: there is nothing to set.
        stop: all outputs safe now, and kept so; called on the loop, must not wait or raise.
        record: each order that came to an end, for the ledger (kind "command").
        clock_quality: 0 nobody knows the time, 1 plausible, 2 synchronised.
        updates: those of this device, None: no bundle is updated.
    """

    enrolled: Enrolled | None
    executors: Mapping[str, Executor]
    settings: Settings | None
    stop: Callable[[str], None]
    record: Callable[[Mapping[str, Any]], None]
    clock_quality: Callable[[], int]
    updates: Updates | None = None


@dataclass(frozen=True, slots=True)
class Stationed:
    """The parts; `station.run()` is the one task to start, `close()` comes after it has ended."""

    station: Station
    outbox: Outbox
    orders: OrderDesk | None
    twin: Twin | None
    updates: Updates | None = None

    async def close(self) -> None:
        """Close the databases of orders and twin, and the way on which bundles come."""
        if self.updates is not None:
            self.updates.changed = lambda: None
            self.updates.disconnected()
        if self.orders is not None:
            await self.orders.close()
        if self.twin is not None:
            await self.twin.close()


async def open_station(
    plan: Plan,
    broker: Broker,
    ledger: Ledger,
    storage: Storage,
    clock: Clock,
    entropy: Entropy,
    afar: Afar,
    *,
    boot: int,
    describe: Callable[[], Mapping[str, Any]],
    say: Callable[[str], None],
    quota: Quota | None = None,
) -> Stationed:
    """Open what the plan's broker section wants.

    Raises:
        StorageError: the disk refused the journal of orders or the twin.
        BadSeal: the enrolled policy is not signed by the root key, or is of another fleet.
    """
    fleet, device = plan.broker.fleet, plan.device
    topics, sender = Topics(fleet, device), Sender(device, boot, clock, entropy, afar.clock_quality())
    outbox = Outbox(
        ledger, broker, clock, topics, sender, stream=STREAM, receipt=plan.broker.receipt, quota=quota, say=say
    )
    desk = twin = None

    async def settings(args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        assert twin is not None, "orders come once the station runs"
        try:
            return await twin.change(args["values"])
        except BadDocument as error:
            raise NotDone(error.reason, str(error)) from None

    if afar.enrolled is not None:
        executors = afar.executors if afar.settings is None else {**afar.executors, "settings": settings}
        desk = await OrderDesk.open(
            storage.database("orders.sqlite"),
            entropy,
            Trusted(fleet, afar.enrolled.root_public, afar.enrolled.policy),
            executors,
            device=device,
            boot=boot,
            clock=clock,
            clock_quality=afar.clock_quality,
            stop=afar.stop,
            say=say,
            record=afar.record,
        )
        if afar.settings is not None:
            orders = desk
            database = storage.database("twin.sqlite")
            twin = await Twin.open(database, clock, device, afar.settings, lambda: orders.policy, say)
    station = Station(
        broker,
        topics,
        sender,
        clock,
        boot=boot,
        outboxes={STREAM: outbox},
        orders=desk,
        twin=twin,
        chunks=afar.updates if desk is not None else None,
        describe=describe,
        say=say,
    )
    if afar.updates is not None and desk is not None:
        from ..updates.over_broker import asking

        _connect(afar.updates, station, desk, asking(broker, topics, sender), device)
    return Stationed(station, outbox, desk, twin, afar.updates)


def _connect(updates: Updates, station: Station, desk: OrderDesk, ask: Ask, device: str) -> None:
    from ..updates.judging import Authority

    updates.changed = station.state_changed
    updates.connected(ask, lambda: Authority(desk.policy, device))
