"""The life of the process: what is started, in which order, and what happens when it does not go well.

             signal or caller                     crash of a part that cannot be kept
app runs ---------------------> stop, exit 0      ------------------> told, exit 1; systemd starts again
   |  reload, good: hold, swap, next app          more than 5 starts in 60 s: safe mode, until a person
   |  reload, worse: refused, runs on             rearms or reloads, or 10 minutes have passed
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ripieno.errors import ConfigError
from ripieno.plan import Plan
from ripieno_daemon.alarms import Desk, Policy
from ripieno_daemon.ports import SystemClock, SystemEntropy
from ripieno_daemon.ports.local_socket import LocalSocket
from ripieno_daemon.ports.loop_watch import LoopWatch
from ripieno_daemon.supervision import Feeder, Supervisor, stop_of

from .answers import Answers
from .lives import Lives, Making
from .mishaps import Mishaps
from .plans import FILE, Plans
from .preloading import preload
from .reloading import Reloading
from .safe_mode import SafeMode
from .standby import Standby
from .standing import LOOK_S, SAFE, STARTING, STOPPING, Standing
from .surroundings import Surroundings
from .updating import Updating

if TYPE_CHECKING:
    from ripieno_daemon.app import App, Ports
    from ripieno_daemon.orders.executors import Executor

    from .from_afar import FromAfar

OK, NO, CALLED_WRONGLY = 0, 1, 2
Tell = Callable[[str, str], None]


class Life:
    """One process.

    Args:
        tell: what kind of thing happened, and the sentence for a person.
        ports: makes the ports for a plan.
        app: makes an app (the class itself, but for tests).
    """

    def __init__(
        self,
        device_file: str,
        tell: Tell,
        surroundings: Surroundings,
        ports: Callable[[Plan], Ports],
        app: Callable[..., App],
    ) -> None:
        self.device_file, self._around, self.ports_for = device_file, surroundings, ports
        self._tell = tell
        self._from_afar: FromAfar | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stop = asyncio.Event()
        clock = self._clock = SystemClock()
        standing = self.standing = Standing(clock, surroundings.notify, self._tell)
        self._supervisor = Supervisor(clock, SystemEntropy(), standing.stopped)
        self.desk = Desk(clock, self._supervisor, standing, lambda: standing.app, ports, self._said)
        standing.on_change, standing.channels = self.desk.changed, self.desk.report
        self._mishaps = Mishaps(standing, self._tell)
        self._plans = Plans(device_file, surroundings.kept, standing, self._tell)
        self._safe_mode = SafeMode(surroundings.runtime, standing, clock, self._tell)
        standby = Standby(lambda plan: preload(plan, ports(plan), self._said), self._said)
        self.updating = Updating(standing, clock, self.reload, self._tell, standby)
        self._plans.releases, standing.releases = self.updating, self.updating.report
        making = Making(
            ports,
            app,
            self._executors,
            self._tell,
            self._mishaps.held,
            self._on_begun,
            self._on_ready,
            lambda: self.updating.updates,
            self._instead,
        )
        self._lives = Lives(making, standing, self._supervisor, clock, self._stop)
        self._reloading = Reloading(self._plans, self._lives, self._safe_mode, standing, ports, self._tell, standby)

    def stop(self) -> None:
        """End in order."""
        self._stop.set()
        self._lives.end()
        self._safe_mode.leave()

    def in_background(self, work: Any) -> None:
        """Run something that a signal asked for; its failure is told."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._background_ended)

    async def run(self) -> int:
        """Run until stopped; return the exit code."""
        standing, notify, mishaps = self.standing, self._around.notify, self._mishaps
        standing.set(STARTING, f"reading {self.device_file}")
        try:
            plan, source = await self._plans.first()
        except ConfigError as error:
            for problem in error.problems:
                self._tell("problem", str(problem))
            standing.set(STOPPING, f"{len(error.problems)} problems in {self.device_file}: {error.problems[0]}")
            return CALLED_WRONGLY
        standing.supervisor, standing.plan, standing.source = self._supervisor, plan, source
        watch = LoopWatch(mishaps.blocked, mishaps.free)
        asyncio.get_running_loop().set_exception_handler(mishaps.lost)
        feeder = Feeder(self._supervisor.progress, self._clock, notify, notify.watchdog_s, mishaps.stuck)
        watch.start()
        feeding = asyncio.create_task(feeder.run(), name="watchdog")
        self._alarm_by(plan)
        looking = asyncio.create_task(self._look(), name="looking")
        telling = asyncio.create_task(self.desk.run(), name="alarm channels")
        updating = asyncio.create_task(self._update(), name="updates")
        try:
            async with LocalSocket(self._around.socket(plan.storage.state), Answers(self)):
                return await self._serve(plan, source)
        except OSError as error:
            self._tell(
                "stop", f"the local socket cannot be made: {error}; another daemon may have this state directory"
            )
            return NO
        finally:
            notify("STOPPING=1")
            feeding.cancel()
            looking.cancel()
            telling.cancel()
            updating.cancel()
            await asyncio.gather(feeding, looking, telling, updating, *self._tasks, return_exceptions=True)
            watch.stop()
            self._plans.close()
            await self.updating.close()

    async def compiled(self) -> Plan:
        """Return the plan of the files as they are now. Raises ConfigError."""
        return await self._plans.compiled()

    async def reload(self, by: str, only: str = "") -> dict[str, Any]:
        """Put the files as they are now into force (reloading.py)."""
        return await self._reloading.reload(by, only)

    async def restart(self, by: str) -> dict[str, Any]:
        """End what runs in order and begin the same plan anew (reloading.py)."""
        return await self._reloading.restart(by)

    async def rearm(self, by: str) -> dict[str, Any]:
        """Let outputs move again; in safe mode: try again to run."""
        if self.standing.phase == SAFE:
            self._tell("said", f"{by} ends the safe mode")
            self._safe_mode.leave()
            return {"ok": True, "text": "safe mode is left; outputs that a person arms want another `ripieno rearm`"}
        app = self.standing.app
        if app is None or not await app.rearm(by):
            return {"ok": False, "why": f"no device is open ({self.standing.phase})"}
        return {"ok": True, "text": "outputs may move again, as far as each board can be armed"}

    async def _serve(self, plan: Plan, source: str) -> int:
        if self._safe_mode.is_due():
            await self._safe_mode.wait()
        if not await self._lives.run(plan, source):
            return NO
        self._safe_mode.forget()
        return OK

    def _alarm_by(self, plan: Plan) -> None:
        """Tell of alarms as this plan wants it."""
        self.standing.alarms.policy = Policy(dict(plan.alarms.severities), plan.alarms.latch)
        self.desk.use(plan)

    async def _update(self) -> None:
        if self.updating.updates is None:
            return
        async with asyncio.TaskGroup() as group:
            self._supervisor.begin(group, "updates", self.updating.run)

    async def _instead(self, why: str) -> Plan | None:
        """Return another plan than the very first, where a release on trial is why that did not begin."""
        try:
            return (await self._plans.first())[0] if await self.updating.gave_up(why) else None
        except ConfigError:
            return None

    def _on_begun(self, source: str) -> None:
        assert self.standing.plan is not None
        self._alarm_by(self.standing.plan)
        self.updating.begun(self.standing.plan)
        if source == FILE:
            self._plans.mended()

    def _on_ready(self, plan: Plan, source: str) -> None:
        self.standing.is_first_possible()
        self._tell("ready", "ready: the first act is possible")
        if source == FILE:
            self.in_background(self._plans.keep(plan, self._clock.wall_ns()))

    def _executors(self, plan: Plan) -> Mapping[str, Executor]:
        """Return what orders from afar may ask of this process; it is made for the first life that takes some."""
        if self._from_afar is None:
            from .from_afar import FromAfar

            self._from_afar = FromAfar(self)
        return self._from_afar.executors(plan)

    def _said(self, text: str) -> None:
        self._tell("said", text)

    async def _look(self) -> None:
        self.standing.begin_looking()
        while True:
            await self._clock.sleep(LOOK_S)
            self.standing.look()
            self.desk.look()

    def _background_ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.standing.stopped(stop_of(task.get_name(), error), "it is not done")
