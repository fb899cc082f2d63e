"""Reads what a run left on the disk: the daemon's ledger, the consumer's rows, the stock system's bookings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgpack

from ripieno.contracts.ports import Clock, Entropy, Storage
from ripieno_daemon.ledger import Ledger

from .report import Told


@dataclass(frozen=True, slots=True)
class Left:
    """What the ledger told, its head (hex), what the consumer counted, and the indexes of parts booked as scrap."""

    told: Told
    head: str
    delivered: list[Mapping[str, Any]]
    scrapped: frozenset[int]


async def read(storage: Storage, clock: Clock, entropy: Entropy) -> Left:
    """Read it, after everything that writes has ended.

    Raises:
        StorageError: a file cannot be read.
    """
    told = Told()
    ledger = await Ledger.open(storage.database("ledger.sqlite"), clock, entropy)
    async for record in ledger.records():
        told.take(record)
    head = ledger.head()[1]
    await ledger.close()
    rows = await _rows(storage, "consumer.sqlite", "SELECT payload FROM rows")
    booked = await _rows(storage, "stock.sqlite", "SELECT act FROM bookings WHERE verb = 'scrap'")
    scrapped = frozenset(int(act.partition("/")[0].rpartition("-")[2]) - 1 for (act,) in booked)
    return Left(told, head, [msgpack.unpackb(payload, raw=False) for (payload,) in rows], scrapped)


async def _rows(storage: Storage, name: str, query: str) -> list[Any]:
    database = storage.database(name)
    try:
        return await database.read(lambda tx: tx.execute(query).fetchall())
    finally:
        await database.close()
