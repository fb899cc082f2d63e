"""What is done about a damaged ledger: it is set aside as it is, another begins, and what can be read is carried over.

At a start a ledger that cannot be gone on with is replaced before anything else is opened. While the line runs, the
ledger's own task replaces it between two batches: control goes on, what waits in memory becomes the new one's first
batch. What the damaged one still owes the consumer is read in the background, so that no start waits for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar, runtime_checkable

from ripieno.contracts.ports import Clock, Database, Entropy, Storage, Transaction
from ripieno.errors import StorageDamaged, StorageError

from ..ports.ledger_shelf import SetAside
from .epochs import EPOCH_BYTES
from .ledger import Ledger
from .rescue import begin, go_on
from .room import Room
from .soundness import check_soundness

T = TypeVar("T")
NAME: Final = "ledger.sqlite"
AGAIN_S: Final = 5.0
LOOKS: Final = 12  # of those between two looks at the room: a minute
PAUSE_S: Final = 0.02  # between two chunks: the ledger's one thread has commits to do


class Shelf(Protocol):
    """See ports.ledger_shelf."""

    async def begin(self) -> list[SetAside]: ...
    async def has_acted(self) -> bool: ...
    async def set_aside(self, stamp: str, why: str, salvaged: Path | None = None) -> SetAside: ...
    async def note(self, folder: str, name: str, text: str) -> None: ...
    async def sizes(self) -> dict[str, int]: ...
    async def remove(self, folder: str) -> None: ...
    async def read(self, folder: str, work: Callable[[Transaction], T]) -> T: ...
    def place_for_salvage(self) -> Path: ...
    async def close(self) -> None: ...


@runtime_checkable
class _Salvaged(Protocol):
    async def salvage(self, target: Path) -> bool: ...


class Mending:
    """Of one state directory.

    `say`: one sentence for a person. `quota_bytes`: what the record may take (room.py); 0: nobody looks.
    """

    def __init__(
        self,
        storage: Storage,
        shelf: Shelf,
        clock: Clock,
        entropy: Entropy,
        say: Callable[[str], None],
        quota_bytes: int = 0,
    ):
        self._storage, self._shelf, self._clock, self._entropy, self._say = storage, shelf, clock, entropy, say
        self._set_aside: list[SetAside] = []
        self.room = Room(shelf, quota_bytes, say) if quota_bytes else None

    @property
    def unacknowledged(self) -> Sequence[SetAside]:
        """The damaged ledgers that nobody has seen yet."""
        return [one for one in self._set_aside if not one.is_acknowledged]

    def as_maps(self) -> list[dict[str, str]]:
        """Return them as `ripieno status` tells of them."""
        return [{"folder": one.folder, "text": told(one)} for one in self.unacknowledged]

    def uses(self) -> dict[str, dict[str, int]]:
        """Return what each class of files takes and may take, as of the last look."""
        return {name: asdict(one) for name, one in (self.room.uses if self.room else {}).items()}

    async def open(self, opened: Callable[[Database], Awaitable[Ledger]]) -> Ledger:
        """Open the ledger, or one that follows it. `opened`: Ledger.open, with all that it wants.

        Raises:
            StorageError: the disk refused.
        """
        self._set_aside = await self._shelf.begin()
        database = self._storage.database(NAME)
        try:
            await database.read(partial(check_soundness, is_known=await self._shelf.has_acted()))
            ledger = await opened(database)
        except StorageDamaged as error:
            ledger = await opened(await self._replaced(database, str(error)))
        except BaseException:
            await database.close()
            raise
        ledger.replace = self.replace
        await ledger.carried.look()
        return ledger

    async def replace(self, database: Database, why: str) -> tuple[Database, bytes]:
        """Set the ledger of a running line aside; return the one that follows, without tables, and its epoch."""
        return await self._replaced(database, why), self._entropy.token(EPOCH_BYTES)

    async def run(self, ledger: Ledger) -> None:
        """Carry over what damaged ledgers still owe, also of later ones; keep the record within its room."""
        looks = 0
        while True:
            try:
                for one in [one for one in self._set_aside if not one.is_rescued]:
                    await self._rescue(ledger, one)
                if self.room is not None and looks % LOOKS == 0:
                    self._set_aside = await self.room.keep(ledger, self._set_aside)
                looks += 1
            except StorageError as error:
                if any(not one.is_rescued for one in self._set_aside):
                    self._say(f"what a damaged ledger holds is not carried over yet: {error}")
            await self._clock.sleep(AGAIN_S)

    async def acknowledge(self, folder: str, by: str) -> None:
        """A person has seen it. Raises StorageError: it will be told again after a restart."""
        for at, one in enumerate(self._set_aside):
            if one.folder == folder:
                self._set_aside[at] = one._replace(is_acknowledged=True)
                await self._shelf.note(folder, "acknowledged", by)

    async def close(self) -> None:
        """End the shelf's thread."""
        await self._shelf.close()

    async def _replaced(self, database: Database, why: str) -> Database:
        salvaged = await self._salvaged(database)
        await database.close()
        self._set_aside.append(await self._shelf.set_aside(_stamp(self._clock.wall_ns()), why, salvaged))
        self._say(f"ALARM {told(self._set_aside[-1])}")
        return self._storage.database(NAME)

    async def _salvaged(self, database: Database) -> Path | None:
        """Copy what an open connection still sees of a file that has lost its name."""
        if not isinstance(database, _Salvaged):
            return None
        target = self._shelf.place_for_salvage()
        try:
            return target if await database.salvage(target) else None
        except StorageError as error:
            self._say(f"nothing of it can be copied: {error}")
            return None

    async def _rescue(self, ledger: Ledger, one: SetAside) -> None:
        rows, holes, source = 0, 0, one.folder
        try:
            begun = await ledger.carried.progress(source)
            walk, found = (begun, []) if begun is not None else await self._shelf.read(source, begin)
            await ledger.carried.keep(source, found, walk)
            while not walk.is_done:
                walk, found = await self._shelf.read(source, partial(go_on, walk=walk))
                await ledger.carried.keep(source, found, walk)
                rows += sum(bool(row.payload) for row in found)
                holes += sum(row.upto - row.seq + 1 for row in found if not row.payload)
                await self._clock.sleep(PAUSE_S)
            text = f"{rows} results without a receipt were carried over, {holes} could not be read"
            text += f"; how many stood behind number {walk.seq} cannot be known" if not walk.is_whole else ""
        except StorageDamaged as error:
            text = f"nothing of it can be carried over: {error}"
        self._say(f"{one.folder}: {text}")
        await self._shelf.note(one.folder, "rescued", text)
        self._set_aside = [
            each._replace(is_rescued=True) if each.folder == one.folder else each for each in self._set_aside
        ]


def told(one: SetAside) -> str:
    """Return what a person reads."""
    return (
        f"the record was damaged and is set aside in {one.folder} ({one.why}); a new one was begun: parts under way and"
        " what rules counted were given up, no act is repeated; bookings that were open then are to be compared"
        f" (`ripieno ledger verify` and `ripieno why` read {one.folder}/{NAME})"
    )


def _stamp(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
