"""How much of the disk the record may take, by class, and what goes when it is more.

records     the ledger, `storage.quota`: the oldest payloads go, what was decided stays in the chain as digests;
            never what the consumer has no receipt for, nor what a restart builds on
damaged     set-aside ledgers, a quarter of it: the oldest goes, never one that nobody has acknowledged
releases    bundles that updates brought: looked at only; updates keep two and the factory's
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from ..ports.ledger_shelf import SetAside
from .ledger import Ledger

DAMAGED_SHARE: Final = 0.25
ERASED_AT_ONCE: Final = 500  # some milliseconds, which a commit may have to wait
ROUNDS: Final = 40  # in one look: 20,000 payloads
ENOUGH: Final = 0.95  # it is cut to so much of the quota, so that not every look cuts


class Places(Protocol):
    """Sizes in bytes. See ports.ledger_shelf."""

    async def sizes(self) -> dict[str, int]: ...
    async def remove(self, folder: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Use:
    """What a class takes and may take; `limit` 0: it is looked at only."""

    bytes: int
    limit: int


class Room:
    """Of one state directory. `keep` is called now and then; it may raise StorageError."""

    def __init__(self, places: Places, quota_bytes: int, say: Callable[[str], None]) -> None:
        self._places, self._quota, self._say = places, quota_bytes, say
        self._is_over = False
        self.uses: dict[str, Use] = {}

    async def keep(self, ledger: Ledger, set_aside: list[SetAside]) -> list[SetAside]:
        """Look, and let go what may go; return what is still set aside."""
        records = await ledger.size_bytes()
        if records > self._quota:
            records = await self._cut(ledger)
        sizes = await self._places.sizes()
        limit = int(self._quota * DAMAGED_SHARE)
        for one in [one for one in set_aside if one.is_rescued and one.is_acknowledged]:
            if sum(sizes.get(each.folder, 0) for each in set_aside) > limit:
                await self._places.remove(one.folder)
                self._say(f"{one.folder}: removed; damaged ledgers may take {limit / 1e6:.0f} MB")
                set_aside = [each for each in set_aside if each is not one]
        damaged = sum(sizes.get(each.folder, 0) for each in set_aside)
        self.uses = {
            "records": Use(records, self._quota),
            "damaged": Use(damaged, limit),
            "releases": Use(sizes.get("bundles", 0), 0),
        }
        self._tell(records, damaged, limit)
        return set_aside

    async def _cut(self, ledger: Ledger) -> int:
        """Erase the oldest payloads that may go; return what the record takes then."""
        for _ in range(ROUNDS):
            if not await ledger.erase_oldest(ERASED_AT_ONCE):
                break
            if await ledger.size_bytes() <= self._quota * ENOUGH:
                break
        return await ledger.size_bytes()

    def _tell(self, records: int, damaged: int, limit: int) -> None:
        over = records > self._quota or damaged > limit
        if over and not self._is_over:
            what = "results wait for a receipt" if records > self._quota else "damaged ledgers wait to be acknowledged"
            self._say(f"ALARM the record takes more than storage.quota, and nothing more may go: {what}")
        self._is_over = over
