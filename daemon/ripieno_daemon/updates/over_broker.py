"""Pieces on a broker's topics: how a device asks (up/get) and how a console answers (dn/blk)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ripieno.contracts.ports import Broker

from ..bundles.packed_file import PackedBundle
from ..fleet.envelope import BadEnvelope, Sender, decode
from ..fleet.topics import Topics, every_up
from .depot import Depot
from .pieces import BLOCK, GET, NONE
from .transfer import Transfer

Ack = Callable[[], None]


def asking(broker: Broker, topics: Topics, sender: Sender) -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    """Return what a Transfer asks with."""

    async def ask(kind: str, body: Mapping[str, Any]) -> None:
        await broker.publish(topics.wanted_chunks, sender.wrap(kind, body))

    return ask


def take_piece(transfer: Transfer, payload: bytes, ack: Ack) -> None:
    """Give a message of `topics.chunks` to the transfer; acknowledged at once: a lost piece is asked for again."""
    ack()
    try:
        envelope = decode(payload)
    except BadEnvelope:
        transfer.counts["malformed"] += 1
        return
    if envelope.type in (BLOCK, NONE):
        transfer.take(envelope.type, envelope.body)
    else:
        transfer.counts["malformed"] += 1


async def serve(
    broker: Broker, fleet: str, sender: Sender, bundles: Sequence[PackedBundle], counts: Counter[str] | None = None
) -> None:
    """Serve bundles to every device of a fleet until cancelled."""

    async def tell(device: str, kind: str, body: Mapping[str, Any]) -> None:
        await broker.publish(Topics(fleet, device).chunks, sender.wrap(kind, body))

    depot = Depot(bundles, tell, counts)

    def take(topic: str, payload: bytes, ack: Ack) -> None:
        ack()
        try:
            envelope = decode(payload)
        except BadEnvelope:
            depot.counts["malformed"] += 1
            return
        if envelope.type == GET:
            depot.take(topic.split("/")[3], envelope.body)

    async with asyncio.TaskGroup() as group:
        group.create_task(depot.run(), name="depot")
        group.create_task(
            broker.run([every_up(fleet, "get")], take, lambda: None, lambda _why: None), name="depot's broker"
        )
