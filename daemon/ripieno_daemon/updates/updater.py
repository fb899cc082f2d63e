"""An update in its order: planned, pulled, tried in a child, tried on the line, kept or given up.

    idle -> pulling -> testing -> on trial -> idle          each arrow is durable before it is taken
      ^        |          |           |
      +--------+----------+-----------+    refused (nothing was changed) or reverted (the old one runs again)

After a restart it goes on where the disk says: what was arriving is pulled further, what was on trial is tried further.
Only planning and pulling need the network.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ripieno.contracts.ports import Clock
from ripieno.errors import BundleError, RipienoError, StorageError

from ..bundles.packed_file import parse_head
from ..bundles.release import Release, parse_index
from ..bundles.signed import accepted_signers
from ..packed import pack, unpack
from ..trust import BadSeal, Policy
from .disk import Disk, checked, replace, unchecked
from .slots import Refused, Slots
from .transfer import Away, Transfer
from .trial import Ended, Gates, Health, Noted, Trial
from .verdict import Verdict

IDLE: Final = "idle"
PULLING: Final = "pulling"
TESTING: Final = "testing"
ON_TRIAL: Final = "on trial"
LOOK_S: Final = 1.0
MOST_RESULTS: Final = 20_000  # then what was counted weighs half: what runs is judged by what it did lately


class Switch(Protocol):
    """Lets the line run with what `current` leads to, from the next decision boundary on; no part is lost.

    `service.Life.reload` does it: it compiles, loads the new models beside the old ones, and swaps.

    Returns: "" when it runs, else why not; then what ran before runs on.
    """

    async def __call__(self, why: str) -> str: ...


class SelfTest(Protocol):
    """See self_test.self_test."""

    async def __call__(self, new: str, before: str, changes: float) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Planned:
    """What `apply` would do. `hash` binds it to what runs now: after another update it is not this plan any more."""

    release: Release
    head: bytes
    signed_by: tuple[str, ...]
    hash: str


class Updater:
    """The updates of one bundle name on one device. `start` first, `run` is a task, `note` gets every result.

    Args:
        policy: the device's policy as it is now; None: not enrolled, and nothing comes in.
        tell: what happened, for the ledger (kind "update") and for people.
    """

    def __init__(
        self,
        disk: Disk,
        name: str,
        device: str,
        *,
        policy: Callable[[], Policy | None],
        transfer: Callable[[Slots], Transfer],
        switch: Switch,
        test: SelfTest,
        away: Away,
        clock: Clock,
        tell: Callable[[Mapping[str, Any]], None],
        gates: Gates | None = None,
    ) -> None:
        self.slots = Slots(disk, name)
        self._disk, self._device = disk, device
        self._policy, self._switch, self._test, self._away = policy, switch, test, away
        self._clock, self._tell, self._gates = clock, tell, gates or Gates()
        self.transfer = transfer(self.slots)
        self._baseline = f"{self.slots.store.root}/baseline"
        self._planned: Planned | None = None
        self._wanted: tuple[bytes, Release] | None = None
        self._wake = asyncio.Event()
        self._planning = asyncio.Lock()  # the transfer pulls one thing at a time
        self._trial: Trial | None = None
        self._health = Health()
        self._last: Mapping[str, Any] = {}
        self.phase = IDLE

    def start(self) -> str:
        """Open the slots and count a start of what is on trial; return the folder that is to run, "" for none.

        Blocks; before the line is started.
        """
        standing = self.slots.open()
        for text in self.slots.said:
            self._tell({"what": "told", "why": text})
        if standing.trial and not self.slots.started():
            self._said("reverted", standing.trial, self.slots.standing.refused[-1][1])
        elif standing.trial:
            self._on_trial(self._kept_baseline())
        active = self.slots.standing.active
        return self.slots.store.folder(active) if active else ""

    async def plan(self, digest: str, head_bytes: int) -> Mapping[str, Any]:
        """Fetch the head of a release, judge it, and say what applying it would change; nothing is changed.

        Raises:
            Refused: with a reason: not signed by who may, rolled back, refused before, the wrong bundle, busy.
        """
        self._check_free()
        async with self._planning:
            head = await self.transfer.head(digest, head_bytes)
        release, signed_by = self._judged(head, digest)
        standing = self.slots.standing
        binding = f"{standing.confirmed} {self.slots.floor} {release.digest} {self._device}"
        self._planned = Planned(release, head, signed_by, hashlib.sha256(binding.encode()).hexdigest())
        return {
            "plan": self._planned.hash,
            "release": release.digest,
            "name": release.name,
            "version": release.version,
            "counter": release.counter,
            "signed_by": list(signed_by),
            "bytes": release.size,
            "runs_now": standing.confirmed,
            "files": await self._away(lambda: self._files(release)),
        }

    async def apply(self, hash: str) -> Mapping[str, Any]:
        """Begin what was planned under this hash; returns when it is durable that it was begun.

        Raises:
            Refused: another plan, or none; or what runs has changed since.
            StorageError: there is no room for it.
        """
        planned = self._planned
        self._check_free()
        if planned is None or planned.hash != hash:
            raise Refused("plan", "this is not what was planned here last; plan it again")
        self._judged(planned.head, planned.release.digest)
        await self._away(lambda: self.slots.store.begin(planned.head, planned.release))
        self._planned = None
        self._begin(planned.head, planned.release)
        return {"release": planned.release.digest, "phase": self.phase}

    def cancel(self) -> str:
        """Give up an update that is still being pulled; return its digest. Raises Refused: it is past that."""
        if self.phase != PULLING or self._wanted is None:
            raise Refused("phase", f"an update that is {self.phase} is not cancelled")
        digest = self._wanted[1].digest
        self._wanted = None
        self._wake.set()
        return digest

    def note(self, noted: Noted) -> None:
        """A result of the line, of whatever runs."""
        if self._trial is None:
            self._health.note(noted)
            if self._health.results > MOST_RESULTS:
                self._health = _halved(self._health)
        elif self._trial.note(noted, self._clock.monotonic_ns()) is not None:
            self._wake.set()

    def died(self, why: str) -> None:
        """A worker died."""
        if self._trial is not None and self._trial.died(why) is not None:
            self._wake.set()

    def status(self) -> Mapping[str, Any]:
        """Return how far it is, for whoever asks; under `releases` of the retained state, by the bundle's name.

        `last`: what was said last of a release in this life of the process, with when (us UTC).
        """
        standing = self.slots.standing
        found: dict[str, Any] = {
            "phase": self.phase,
            "confirmed": standing.confirmed,
            "trial": standing.trial,
            "factory": self.slots.factory,
            "floor": self.slots.floor,
            "refused": [list(one) for one in standing.refused],
            "arriving": self._wanted[1].digest if self._wanted is not None else "",
            "last": dict(self._last),
        }
        if self.phase == PULLING:
            found |= {"done_bytes": self.transfer.done, "of_bytes": self.transfer.whole}
        if self._trial is not None:
            found |= {"results": self._trial.now.results, "of_results": self._gates.results}
        return found

    async def run(self) -> None:
        """Do what is begun, until cancelled. Nothing that an update does ends this task, but a bug."""
        arriving = None if self._trial is not None else await self._away(self.slots.store.arriving)
        if arriving is not None:
            self._begin(await self._away(lambda: self.slots.store.head(arriving.digest)), arriving)
        while True:
            if self._trial is not None:
                await self._watch(self._trial)
            elif self._wanted is not None:
                await self._update(*self._wanted)
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _update(self, head: bytes, release: Release) -> None:
        digest = release.digest
        try:
            self._judged(head, digest)  # the policy may have changed while it lay here
            if not await self._pulled(release):
                await self._away(lambda: self.slots.store.give_up(digest))
                self._said("cancelled", digest, "")
                return
            self.phase = TESTING
            await self._away(lambda: self.slots.store.finish(release))
            before = self.slots.standing.confirmed
            store = self.slots.store
            verdict = await self._test(store.folder(digest), store.folder(before) if before else "", release.changes)
            if not verdict.is_good:
                await self._away(lambda: self.slots.refuse(digest, str(verdict)))
                self._said("refused", digest, str(verdict))
                return
            await self._tried_out(digest)
        except Refused as error:
            await self._away(lambda: self.slots.store.give_up(digest))
            self._said("refused", digest, f"{error.reason}: {error}")
        except (StorageError, BundleError) as error:  # what has come stays, and is pulled further at the next start
            self._said("stopped", digest, str(error))
        finally:
            self._wanted = None
            self.phase = ON_TRIAL if self._trial is not None else IDLE

    async def _pulled(self, release: Release) -> bool:
        """Whether all of it came; False: it was cancelled."""
        self._wake.clear()
        pulling = asyncio.create_task(self.transfer.chunks(release), name="pull")
        stopping = asyncio.create_task(self._wake.wait(), name="cancel")
        try:
            await asyncio.wait({pulling, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not pulling.done():
                return False
            pulling.result()
            return True
        finally:
            pulling.cancel()
            stopping.cancel()
            await asyncio.gather(pulling, stopping, return_exceptions=True)

    async def _tried_out(self, digest: str) -> None:
        baseline = checked(pack(self._health.to_plain(), 64 * 1024))
        await self._away(lambda: replace(self._disk, self._baseline, baseline))
        await self._away(lambda: self.slots.try_out(digest))
        await self._away(self.slots.started)
        if why := await self._switch(f"release {digest[:16]}... on trial"):
            await self._away(lambda: self.slots.revert(f"it did not start: {why}"))
            self._said("reverted", digest, f"it did not start: {why}")
            return
        self._on_trial(self._health)
        self._said("on trial", digest, "")

    async def _watch(self, trial: Trial) -> None:
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
        digest = self.slots.standing.trial
        if ended.is_kept:
            await self._away(self.slots.confirm)
            self._health = trial.now
            self._said("confirmed", digest, str(ended))
        else:
            await self._away(lambda: self.slots.revert(str(ended)))
            if why := await self._switch(f"back from release {digest[:16]}...: {ended}"):
                self._tell({"what": "alarm", "why": f"what ran before does not run again: {why}"})
            self._said("reverted", digest, str(ended))
        self._trial = None
        self.phase = IDLE

    def _check_free(self) -> None:
        if self.phase != IDLE or self._planning.locked():
            raise Refused("busy", f"an update is {'being planned' if self.phase == IDLE else self.phase}")

    def _judged(self, head: bytes, digest: str) -> tuple[Release, tuple[str, ...]]:
        """Return what a head says, once its signatures are good; nothing is parsed of it before."""
        policy = self._policy()
        if policy is None:
            raise Refused("not-enrolled", "this device has no policy (`ripieno enrol`)")
        try:
            sealed = parse_head(head)
            rules = accepted_signers(sealed, policy, self._device)
            release = parse_index(sealed.payload)
        except BadSeal as error:
            raise Refused(error.reason, str(error)) from error
        except RipienoError as error:
            raise Refused("format", str(error)) from error
        if release.digest != digest:
            raise Refused("other", f"asked for {digest[:16]}..., {release.digest[:16]}... came")
        name = self.slots.store.root.rpartition("/")[2]
        if release.name != name:
            raise Refused("name", f"a release of {release.name!r}; here is {name!r}")
        self.slots.check(digest, release.counter)
        return release, tuple(rule.name for rule in rules)

    def _files(self, release: Release) -> Mapping[str, list[str]]:
        standing = self.slots.standing
        try:
            old = {one.path: one.chunks for one in self.slots.store.release(standing.confirmed).files}
        except RipienoError:
            old = {}
        new = {one.path: one.chunks for one in release.files}
        return {
            "new": sorted({*new} - {*old}),
            "gone": sorted({*old} - {*new}),
            "changed": sorted(path for path in {*old} & {*new} if old[path] != new[path]),
        }

    def _begin(self, head: bytes, release: Release) -> None:
        self._wanted, self.phase = (head, release), PULLING
        self._wake.set()

    def _on_trial(self, before: Health) -> None:
        self._trial = Trial(self._gates, before, self._clock.monotonic_ns())
        self.phase = ON_TRIAL

    def _kept_baseline(self) -> Health:
        stored = unchecked(self._disk.read(self._baseline) or b"")
        try:
            return Health() if stored is None else Health.from_plain(unpack(stored, 64 * 1024))
        except (RipienoError, KeyError, TypeError, ValueError) as error:
            self._tell({"what": "told", "why": f"what the trial compares with cannot be read: {error}"})
            return Health()

    def _said(self, what: str, digest: str, why: str) -> None:
        told: dict[str, Any] = {"what": what, "release": digest, "why": why}
        try:
            release = self.slots.store.release(digest)
            told |= {"version": release.version, "counter": release.counter}
        except RipienoError:
            pass  # it never came whole, or is gone already
        self._last = {**told, "at_us": self._clock.wall_ns() // 1000}
        self._tell(told)


def _halved(health: Health) -> Health:
    plain = health.to_plain()
    labels = {label: count // 2 for label, count in plain["labels"].items()}
    halved = Health.from_plain({**plain, "labels": labels, "unknown": plain["unknown"] // 2})
    halved.results = health.results // 2
    halved.latencies_us = health.latencies_us
    return halved
