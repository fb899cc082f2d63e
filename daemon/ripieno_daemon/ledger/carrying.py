"""The rows of older epochs in an open ledger: kept, read and freed off the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ripieno.contracts.ports import Database, Transaction

from .epochs import Carried, count_carried, free_carried, keep_carried, read_carried
from .rescue import Walk

_PROGRESS = "rescue "


class CarriedRows:
    """Of one ledger. `on_more` is called on the loop when rows were added. All methods may raise StorageError."""

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database
        self.on_more: Callable[[], None] = lambda: None
        self.waiting = 0

    async def look(self) -> None:
        """Count what waits."""
        self.waiting = await self._database().read(count_carried)

    async def next(self, limit: int, max_bytes: int) -> list[Carried]:
        """Return the next rows, all of one epoch."""
        return await self._database().read(lambda tx: read_carried(tx, limit, max_bytes))

    async def free(self, epoch: bytes, upto: int) -> None:
        """The consumer has the rows of an epoch up to this number."""

        def work(tx: Transaction) -> int:
            free_carried(tx, epoch, upto)
            return count_carried(tx)

        self.waiting = await self._database().write(work)

    async def progress(self, source: str) -> Walk | None:
        """Return how far a damaged ledger has been read, None where it has not begun."""
        found = await self._database().read(
            lambda tx: tx.execute("SELECT value FROM meta WHERE name = ?", (_PROGRESS + source,)).fetchone()
        )
        if found is None:
            return None
        epoch, id, chain, seq, is_done, is_whole = found[0].decode().split(",")
        return Walk(bytes.fromhex(epoch), int(id), bytes.fromhex(chain), int(seq), is_done == "1", is_whole == "1")

    async def keep(self, source: str, rows: Sequence[Carried], walk: Walk) -> None:
        """Keep rows of a damaged ledger and how far it has been read, in one transaction."""
        words = (walk.epoch.hex(), walk.id, walk.chain.hex(), walk.seq, int(walk.is_done), int(walk.is_whole))
        told = ",".join(map(str, words)).encode()

        def work(tx: Transaction) -> int:
            keep_carried(tx, rows)
            tx.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_PROGRESS + source, told))
            return count_carried(tx)

        self.waiting = await self._database().write(work)
        if rows:
            self.on_more()
