"""The updates of one bundle in their order: planned, pulled, tried in a child, tried on the line, kept or given up.

    idle -> pulling -> testing -> on trial -> idle          each arrow is durable before it is taken
      ^        |          |           |
      +--------+----------+-----------+    refused, cancelled (nothing was changed) or reverted (the old one runs again)

After a restart it goes on where the disk says: what was arriving is pulled further, what had come is tested, what was
on trial is tried further. Only planning and pulling need the network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from ripieno.contracts.ports import Clock

from .arrival import IDLE, PULLING, TESTING, Arrival, SelfTest
from .before import Before
from .disk import Disk
from .judging import Authority, Planned, judged, planned, told
from .slots import Refused, Slots
from .telling import Telling
from .transfer import Away, Transfer
from .trial import Gates, Noted
from .tryout import START, Switch, TryOut

ON_TRIAL: Final = "on trial"
__all__ = ["IDLE", "ON_TRIAL", "PULLING", "TESTING", "Updater"]


class Updater:
    """`start` first, then `runs` at each beginning of the line; `run` is a task, `note` gets every result.

    Args:
        authority: who may sign, as it is now; None: not enrolled, and nothing comes in.
        tell: what happened, for the ledger (kind "update") and for people.
    """

    def __init__(
        self,
        disk: Disk,
        name: str,
        *,
        authority: Callable[[], Authority | None],
        transfer: Transfer,
        switch: Switch,
        test: SelfTest,
        away: Away,
        clock: Clock,
        tell: Callable[[Mapping[str, Any]], None],
        gates: Callable[[], Gates] = Gates,
    ) -> None:
        slots = self.slots = Slots(disk, name)
        self._authority, self._transfer, self._away = authority, transfer, away
        self._wake = asyncio.Event()
        self._telling = telling = Telling(slots, clock, tell)
        self._before = Before(disk, slots.store.root)
        self._tryout = TryOut(
            slots,
            self._before,
            switch=switch,
            away=away,
            clock=clock,
            telling=telling,
            gates=gates,
            wake=self._wake,
        )
        self._arrival = Arrival(
            slots,
            transfer=transfer,
            test=test,
            authority=authority,
            try_out=self._tryout.begin,
            away=away,
            telling=telling,
            wake=self._wake,
        )
        self._planned: Planned | None = None
        self._is_applying = self._may_take_up = False

    @property
    def phase(self) -> str:
        """How far it is."""
        arrival = self._arrival
        is_tried = self._tryout.trial is not None or (self.slots.standing.trial and arrival.wanted is None)
        return ON_TRIAL if is_tried else arrival.phase

    # --- what runs ----------------------------------------------------------------------------------------------

    def start(self) -> str:
        """Open the slots and count a start of what is on trial; return the digest that is to run, "" for none.

        Blocks; before the line is started. Raises StorageError.
        """
        slots = self.slots
        standing = slots.open()
        for text in slots.said:
            self._telling.told(text)
        if standing.trial and not slots.started():
            self._telling.said("reverted", standing.trial, slots.standing.refused[-1][1])
        elif standing.trial and (wrong := self._before.kept()):
            self._telling.told(wrong)
        return slots.standing.active

    def give_up(self, why: str) -> bool:
        """What is on trial cannot be started: go back at once. Blocks; False: nothing is on trial."""
        digest = self.slots.standing.trial
        if digest:
            self.slots.revert(f"it did not {START}: {why}")
            self._telling.said("reverted", digest, f"it did not {START}: {why}")
        return bool(digest)

    def fall_back(self, why: str) -> bool:
        """What is confirmed cannot be opened: take the one before, or the factory's. Blocks; False: there is none."""
        digest = self.slots.standing.confirmed
        try:
            instead = self.slots.fall_back(why)
        except Refused:
            return False
        self._telling.said("reverted", digest, f"{why}; {instead[:16]}... runs instead")
        return True

    def runs(self, digest: str) -> None:
        """See TryOut.runs."""
        self._tryout.runs(digest)

    def note(self, noted: Noted) -> None:
        """See TryOut.note."""
        self._tryout.note(noted)

    def died(self, why: str) -> None:
        """See TryOut.died."""
        self._tryout.died(why)

    # --- what is asked ------------------------------------------------------------------------------------------

    async def plan(self, head: bytes, digest: str) -> Mapping[str, Any]:
        """Judge the head of a release, and say what applying it would change; nothing is changed.

        Raises:
            Refused: with a reason: not signed by who may, rolled back, refused before, the wrong bundle.
        """
        plan = planned(head, digest, self.slots, self._authority())
        answer = await self._away(lambda: told(plan, self.slots))
        self._planned = plan
        return answer

    def has_planned(self, hash: str) -> bool:
        """Whether this is the hash of what was planned last."""
        return self._planned is not None and self._planned.hash == hash

    async def apply(self, hash: str) -> Mapping[str, Any]:
        """Begin what was planned under this hash; returns when it is durable that it was begun.

        Raises:
            Refused: another plan, or none; or what runs has changed since.
            StorageError: there is no room for it.
        """
        plan = self._planned
        if self.phase != IDLE or self._is_applying:
            raise Refused("busy", f"an update of {self.slots.name} is {self.phase}")
        if plan is None or plan.hash != hash:
            raise Refused("plan", "this is not what was planned here last; plan it again")
        judged(plan.head, plan.release.digest, self.slots, self._authority())
        self._is_applying = True
        try:
            await self._away(lambda: self.slots.store.begin(plan.head, plan.release))
        finally:
            self._is_applying = False
        self._planned = None
        self._arrival.begin(plan.head, plan.release)
        return {"release": plan.release.digest, "phase": self.phase}

    def cancel(self) -> str:
        """Give up what is under way, and go back if it is on trial; return its digest. Raises Refused: nothing is."""
        trial = self.slots.standing.trial
        if not self._tryout.is_switching:
            if self._tryout.cancel():
                return trial
            if digest := self._arrival.cancel():
                return digest
        raise Refused("phase", f"an update that is {self.phase} is not cancelled")

    def status(self) -> Mapping[str, Any]:
        """Return how far it is, for whoever asks; under `releases` of the retained state, by the bundle's name.

        `last`: what was said last of a release in this life of the process, with when (us UTC).
        """
        standing, trial, wanted = self.slots.standing, self._tryout.trial, self._arrival.wanted
        found: dict[str, Any] = {
            "phase": self.phase,
            "confirmed": standing.confirmed,
            "trial": standing.trial or self._tryout.leaving,
            "factory": self.slots.factory,
            "floor": self.slots.floor,
            "refused": [list(one) for one in standing.refused],
            "arriving": wanted[1].digest if wanted is not None else "",
            "last": dict(self._telling.last),
        }
        if self.phase == PULLING:
            found |= {"done_bytes": self._transfer.done, "of_bytes": self._transfer.whole}
        if trial is not None:
            found |= {"results": trial.now.results, "of_results": trial.gates.results}
        return found

    # --- the task -----------------------------------------------------------------------------------------------

    def may_take_up(self) -> None:
        """Who may sign is known: what was under way when this process began goes on."""
        self._may_take_up = True
        self._wake.set()

    async def run(self) -> None:
        """Do what is begun, until cancelled. Nothing that an update does ends this task, but a bug."""
        has_taken_up = False
        while True:
            if self._tryout.trial is not None:
                await self._tryout.watch(self._tryout.trial)
            elif self._arrival.wanted is not None:
                await self._arrival.update(*self._arrival.wanted)
            elif self._may_take_up and not has_taken_up and self.phase == IDLE:
                has_taken_up = True
                await self._arrival.take_up()
            else:
                self._wake.clear()
                await self._wake.wait()
