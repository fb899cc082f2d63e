"""A release on its way to the line: pulled chunk by chunk, made whole, tried in a child; cancelled until then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from ripieno.errors import BundleError, RipienoError, StorageError

from ..bundles.packed_file import parse_head
from ..bundles.release import Release, parse_index
from .judging import Authority, judged
from .slots import Refused, Slots
from .telling import Telling
from .transfer import Away, Transfer
from .verdict import Verdict

T = TypeVar("T")
IDLE: Final = "idle"
PULLING: Final = "pulling"
TESTING: Final = "testing"


class SelfTest(Protocol):
    """See self_test.self_test."""

    async def __call__(self, new: str, before: str, changes: float) -> Verdict: ...


class Arrival:
    """At most one release of one bundle that is on its way. `wake` is set when there is something for `update`.

    Args:
        authority: who may sign, as it is now.
        try_out: lets a good one run on the line.
    """

    def __init__(
        self,
        slots: Slots,
        *,
        transfer: Transfer,
        test: SelfTest,
        authority: Callable[[], Authority | None],
        try_out: Callable[[str], Awaitable[None]],
        away: Away,
        telling: Telling,
        wake: asyncio.Event,
    ) -> None:
        self._slots, self._transfer, self._test, self._authority = slots, transfer, test, authority
        self._try_out, self._away, self._telling, self._wake = try_out, away, telling, wake
        self._is_cancelled = False
        self.wanted: tuple[bytes, Release] | None = None
        self.phase = IDLE

    def begin(self, head: bytes, release: Release) -> None:
        """A release that was begun in the store is wanted."""
        self.wanted = (head, release)
        self._enter(PULLING)
        self._wake.set()

    def cancel(self) -> str:
        """Give it up; return its digest, "" where none is on its way."""
        if self.wanted is None:
            return ""
        self._is_cancelled = True
        self._wake.set()
        return self.wanted[1].digest

    async def take_up(self) -> None:
        """After a restart: go on with what was arriving, or had come and was not tried on the line yet."""
        store = self._slots.store
        try:
            arriving = await self._away(store.arriving)
            digest = arriving.digest if arriving is not None else await self._away(self._slots.staged)
            if digest and self.wanted is None:
                head = await self._away(lambda: store.head(digest))
                self.begin(head, parse_index(parse_head(head).payload))
        except RipienoError as error:
            self._telling.said("stopped", "", f"what was under way cannot be read: {error}")

    async def update(self, head: bytes, release: Release) -> None:
        """Bring it to the line, or say why not."""
        digest, slots = release.digest, self._slots
        try:
            judged(head, digest, slots, self._authority())  # the policy may have changed while it lay here
            if await self._is_whole(release) and await self._is_good(release):
                await self._try_out(digest)
        except Refused as error:
            await self._forget(digest)
            self._telling.said("refused", digest, f"{error.reason}: {error}")
        except (StorageError, BundleError) as error:  # what has come stays, and goes on at the next start
            self._telling.said("stopped", digest, str(error))
        finally:
            self.wanted, self._is_cancelled = None, False
            self._enter(IDLE)

    async def _is_whole(self, release: Release) -> bool:
        store = self._slots.store
        if store.has(release.digest):
            return True
        if await self._unless_cancelled(self._transfer.chunks(release, store)) is None:
            await self._cancelled(release.digest)
            return False
        await self._away(lambda: store.finish(release))
        return True

    async def _is_good(self, release: Release) -> bool:
        self._enter(TESTING)
        digest, slots = release.digest, self._slots
        new, confirmed = slots.store.folder(digest), slots.standing.confirmed
        before = slots.store.folder(confirmed) if confirmed else ""
        found = await self._unless_cancelled(self._test(new, before, release.changes))
        if found is None:
            await self._cancelled(digest)
            return False
        verdict = found[0]
        if not verdict.is_good:
            await self._away(lambda: slots.refuse(digest, str(verdict)))
            self._telling.said("refused", digest, str(verdict))
        return verdict.is_good

    async def _cancelled(self, digest: str) -> None:
        await self._forget(digest)
        self._telling.said("cancelled", digest, "")

    async def _forget(self, digest: str) -> None:
        await self._away(lambda: self._slots.store.give_up(digest))
        await self._away(self._slots.prune)

    async def _unless_cancelled(self, work: Awaitable[T]) -> tuple[T] | None:
        """Return what the work came to; None: it was cancelled from afar."""
        doing = asyncio.ensure_future(work)
        try:
            while not doing.done() and not self._is_cancelled:
                self._wake.clear()
                waking = asyncio.create_task(self._wake.wait(), name="cancel")
                try:
                    await asyncio.wait({doing, waking}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waking.cancel()
            return None if self._is_cancelled else (doing.result(),)
        finally:
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)

    def _enter(self, phase: str) -> None:
        self.phase = phase
        self._telling.changed()
