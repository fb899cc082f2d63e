"""Updates of bundles in the life of the process: which releases run, and the line switched to another and back.

A bundle that the device file takes from `bundles/NAME/current` has an updater. Before the first plan comes into force
its release on trial, if there is one, has counted this start; what cannot be started is given up there and then. Until
then no line runs, and the disk is waited for on the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ripieno.contracts.ports import Clock
from ripieno.errors import BundleError, Problem, StorageError
from ripieno.plan import Plan, TrialPlan
from ripieno_daemon.bundles import open_bundle
from ripieno_daemon.ports.thread import OwnThread
from ripieno_daemon.updates.places import Place, place_of
from ripieno_daemon.workers.wanted import runtime_of

from .standby import Standby
from .standing import Standing

if TYPE_CHECKING:
    from ripieno_daemon.updates.updater import Updater
    from ripieno_daemon.updates.updates import Updates
    from ripieno_daemon.updates.verdict import Verdict

CODE: Final = "update"
WORSE: Final = ("refused", "reverted", "stopped", "alarm")


class Updating:
    """Args:
    standby: what ran before, as long as a release is on trial.
    reload: puts the files as they are into force, as `ripieno reload` does.
    tell: what kind of thing happened, and the sentence for a person.

    Attributes:
        updates: None as long as no bundle is taken from a place where releases are.
    """

    def __init__(
        self,
        standing: Standing,
        clock: Clock,
        reload: Callable[[str], Awaitable[dict[str, Any]]],
        tell: Callable[[str, str], None],
        standby: Standby,
    ) -> None:
        self._standing, self._clock, self._reload, self._tell = standing, clock, reload, tell
        self._standby = standby
        self._ran: Plan | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = OwnThread("updates")
        self._runtime: str | None = None
        self._terms = TrialPlan()
        self.updates: Updates | None = None

    # --- before a plan comes into force -------------------------------------------------------------------------

    async def started(self, plan: Plan) -> bool:
        """Count a start of what is on trial, once; True: other releases run now than this plan was made from."""
        self._runtime, self._terms = runtime_of(plan), plan.trial
        return await self._open(one.bundle for one in plan.pipelines)

    async def blamed(self, problems: Iterable[Problem], folders: Iterable[str]) -> bool:
        """The files have problems. True: a release was to blame and was given up, so it is worth another try.

        Args:
            folders: where the bundles were that are taken through a link.
        """
        places = list(folders)
        if await self._open(places):
            return True
        files = [problem.file for problem in problems]
        for place, updater in self._known(places):
            inside = next((one for one in files if one.startswith(f"{place}/")), "")
            if not inside:
                continue
            if updater.give_up(f"{inside} has problems"):
                return True
            if (wrong := _wrong(place)) and updater.fall_back(wrong):
                return True
        return False

    async def gave_up(self, why: str) -> bool:
        """The first life of the app did not begin; True: a release on trial is to blame, and was given up."""
        found = [] if self.updates is None else list(self.updates.by_name.values())
        try:
            given_up = [one.give_up(why) for one in found]
        except StorageError as error:  # the next starts count
            self._standing.alarm(CODE, "", f"what is on trial is not given up: {error}")
            return False
        return any(given_up)

    # --- while it runs ------------------------------------------------------------------------------------------

    def begun(self, plan: Plan) -> None:
        """The line has begun with this plan."""
        if self.updates is None:
            return
        self._runtime, self._terms = runtime_of(plan), plan.trial
        releases: dict[str, str] = {}
        steps: dict[str, str] = {}
        for one in plan.pipelines:
            if (place := place_of(one.bundle)) is not None:
                releases[place.name] = place.digest
                if place.name not in self.updates.by_name:
                    self._tell("said", f"{place.name} is updated from the next start of the service on")
                before = f"{one.name}/" if len(plan.pipelines) > 1 else ""
                steps |= {f"{before}{step.name}": place.name for step in one.steps}
        tried = {one.slots.standing.trial for one in self.updates.by_name.values()} - {""}
        if self._ran is not None and self._ran != plan and tried & {*releases.values()}:
            self._in_background(self._standby.begin(self._ran))
        self._ran = plan
        self.updates.runs(releases, steps)

    async def run(self) -> None:
        """Do what is begun, until cancelled; once there are updates."""
        assert self.updates is not None
        await self.updates.run()

    def report(self) -> Mapping[str, Any]:
        """Return how far each update is, by the bundle's name."""
        return {} if self.updates is None else self.updates.report()

    async def close(self) -> None:
        """Let go of what stands by, and wait for what is being written."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._standby.end()
        self._thread.stop()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="what stands by")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _switch(self, why: str, name: str, folder: str) -> str:
        answer = await self._reload(f"the update of {name} ({why})")
        if not answer["ok"]:
            return "; ".join([str(answer["why"]), *answer.get("problems", ())[:5]])
        wanted, plan = place_of(folder), self._standing.plan
        runs = [place_of(one.bundle) for one in plan.pipelines] if plan is not None else []
        if wanted is None or (wanted.name, wanted.digest) not in [one[1:] for one in runs if one is not None]:
            return f"the device file does not take {name} from bundles/{name}/current"
        return ""

    async def _test(self, new: str, before: str, changes: float) -> Verdict:
        from ripieno_daemon.updates.self_test import self_test

        return await self_test(new, before, changes, self._runtime)

    async def _open(self, folders: Iterable[str]) -> bool:
        changed = False
        for place in [found for one in folders if (found := place_of(one)) is not None]:
            if self.updates is None:
                self.updates = self._made()
            if place.name not in self.updates.by_name:
                changed |= await self._begin(self.updates, place)
        return changed

    async def _begin(self, updates: Updates, place: Place) -> bool:
        from ripieno_daemon.ports.update_disk import FolderDisk

        updater = updates.add(FolderDisk(Path(place.root)), place.name)
        try:
            return updater.start() != place.digest
        except StorageError as error:
            del updates.by_name[place.name]
            self._standing.alarm(CODE, place.name, f"{place.name} is not updated: {error}")
            return False

    def _made(self) -> Updates:
        from ripieno_daemon.updates.trial import Gates
        from ripieno_daemon.updates.updates import Updates

        return Updates(
            switch=self._switch,
            test=self._test,
            away=self._thread.run,
            clock=self._clock,
            tell=self._told,
            gates=lambda: Gates(results=self._terms.results, soak_s=self._terms.soak_ns / 1e9),
        )

    def _known(self, folders: Iterable[str]) -> list[tuple[str, Updater]]:
        by_name = {} if self.updates is None else self.updates.by_name
        found = [(folder, place_of(folder)) for folder in folders]
        return [(folder, by_name[place.name]) for folder, place in found if place is not None and place.name in by_name]

    def _told(self, told: Mapping[str, Any]) -> None:
        what, name = told["what"], told["name"]
        if what == "changed":
            return
        release = f"release {told['version']} ({told['release'][:16]})" if "version" in told else "a release"
        text = f"{release} of {name}: {what}" if "release" in told else f"updates of {name}"
        text = f"{text}: {told['why']}" if told["why"] else text
        if what == "given up":
            self._tell("verdict", text)
        else:
            self._tell(CODE, text)
        if what in WORSE:
            self._standing.alarm(CODE, name, text, lasts=False)
        if what in ("confirmed", "reverted"):
            self._in_background(self._standby.end())
        if what == "confirmed":
            self._standing.over(CODE, name)


def _wrong(folder: str) -> str:
    try:
        open_bundle(folder)
    except BundleError as error:
        return str(error)
    return ""
