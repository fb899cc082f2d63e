"""A release on the line: the switch to it, its trial, and the verdict, which asks nobody.

switch -- the line has begun with it --> trial -- healthy --> confirmed
   |                                       +----- not ------> back: the old one runs again, without a network
   +-- it did not start --> back
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from ripieno.contracts.ports import Clock
from ripieno.errors import StorageError

from .before import Before
from .slots import Slots
from .telling import ALARM, GIVEN_UP, Telling
from .transfer import Away
from .trial import Ended, Gates, Noted, Trial

LOOK_S: Final = 1.0
START: Final = "start"  # names why a trial ended that never began
CANCELLED: Final = "cancelled"


class Switch(Protocol):
    """Lets the line run with what `current` leads to, from the next decision boundary on; no part is lost.

    Args:
        name, folder: of the bundle, and where its release is that is to run then.

    Returns: "" when it runs, else why not; then what ran before runs on.
    """

    async def __call__(self, why: str, name: str, folder: str) -> str: ...


class TryOut:
    """The line's side of the updates of one bundle. `runs` is called at each beginning of the line, `note` with every
    result. `wake` is set when there is something for `watch`.
    """

    def __init__(
        self,
        slots: Slots,
        before: Before,
        *,
        switch: Switch,
        away: Away,
        clock: Clock,
        telling: Telling,
        gates: Callable[[], Gates],
        wake: asyncio.Event,
    ) -> None:
        self._slots, self._before, self._switch, self._away = slots, before, switch, away
        self._clock, self._telling, self._gates, self._wake = clock, telling, gates, wake
        self._running = ""
        self.is_switching = False
        self.trial: Trial | None = None
        self.leaving = ""  # what is being given up, until the old release runs again

    def runs(self, digest: str) -> None:
        """The line has begun with this release of the bundle ("": with files of another place)."""
        self._running = digest
        wanted = self._slots.standing.trial
        if not wanted:
            return
        if self.trial is None and (digest == wanted or not self.is_switching):
            self.trial = Trial(self._gates(), self._before.health, self._clock.monotonic_ns())
        if self.trial is not None and digest != wanted:
            self.trial.give_up(START, f"what runs is {digest[:16] or 'of another place'}")
        self._wake.set()

    def note(self, noted: Noted) -> None:
        """A result of the line, of whatever runs."""
        standing = self._slots.standing
        if self.trial is not None and self._running == standing.trial:
            if self.trial.note(noted, self._clock.monotonic_ns()) is not None:
                self._wake.set()
        elif self._running == standing.confirmed:
            self._before.note(noted)

    def died(self, why: str) -> None:
        """A worker died."""
        if self.trial is not None and self.trial.died(why) is not None:
            self._wake.set()

    def cancel(self) -> bool:
        """Go back, because somebody says so; False: nothing is on trial."""
        if self.trial is None or self.trial.ended is not None:
            return False
        self.trial.give_up(CANCELLED, "somebody far away took it back")
        self._wake.set()
        return True

    async def begin(self, digest: str) -> None:
        """Let a whole release that passed its self-test run on trial. Raises StorageError, Refused."""
        slots, self.is_switching = self._slots, True
        try:
            await self._away(self._before.keep)
            await self._away(lambda: slots.try_out(digest))
            await self._away(slots.started)
            why = await self._switch(f"release {digest[:16]}... on trial", slots.name, slots.store.folder(digest))
        finally:
            self.is_switching = False
        if why:
            self.trial = None
            await self._back(digest, f"it did not {START}: {why}")
        else:
            if self.trial is None:
                self.runs(digest)
            self._telling.said("on trial", digest, "")

    async def watch(self, trial: Trial) -> None:
        """Wait for the verdict; then keep it, or go back without asking anybody."""
        while (ended := trial.look(self._clock.monotonic_ns())) is None:
            self._wake.clear()
            waking = asyncio.create_task(self._wake.wait(), name="verdict")
            pause = asyncio.create_task(self._clock.sleep(LOOK_S), name="look")
            try:
                await asyncio.wait({waking, pause}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waking.cancel()
                pause.cancel()
        await self._end(trial, ended)

    async def _end(self, trial: Trial, ended: Ended) -> None:
        digest = self._slots.standing.trial
        try:
            if ended.is_kept:
                await self._away(self._slots.confirm)
                self._before.health, self.trial = trial.now, None
                self._telling.said("confirmed", digest, str(ended))
            else:
                await self._back(digest, str(ended))
        except StorageError as error:  # the next starts count, and the fourth goes back
            self._telling.said("stopped", digest, str(error))
        self.trial = None
        self._telling.changed()

    async def _back(self, digest: str, why: str) -> None:
        slots = self._slots
        self._telling.told(f"{digest[:16]} is given up: {why}", GIVEN_UP)
        self.leaving = digest
        await self._away(lambda: slots.revert(why))
        folder = slots.store.folder(slots.standing.confirmed)
        if wrong := await self._switch(f"back from release {digest[:16]}...: {why}", slots.name, folder):
            self._telling.told(f"what ran before does not run again: {wrong}", ALARM)
        self.trial, self.leaving = None, ""
        self._telling.said("reverted", digest, why)
        await self._away(slots.prune)  # only now: until then its models ran
