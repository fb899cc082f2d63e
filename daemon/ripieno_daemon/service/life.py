"""The life of the process: what is started, in which order, and what happens when it does not go well.

             signal or caller                     crash of a part that cannot be kept
app runs ---------------------> stop, exit 0      ------------------> told, exit 1; systemd starts again
   |  reload, good: hold, swap, next app          more than 5 starts in 60 s: safe mode, until a person
   |  reload, worse: refused, runs on             rearms or reloads, or 10 minutes have passed
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ripieno.errors import ConfigError, RipienoError, StorageError
from ripieno.plan import Plan, digest, encode
from ripieno_daemon.compiling.remembered import compile_remembered
from ripieno_daemon.conducting.standstill import Held
from ripieno_daemon.ports.local_socket import LocalSocket
from ripieno_daemon.ports.loop_watch import Blocked, LoopWatch
from ripieno_daemon.supervision import Feeder, Starts, Stop, Stuck, Supervisor, stop_of

from .answers import Answers
from .difference import differences
from .last_good import LastGood, why_not
from .preloading import preload
from .standing import RUNNING, SAFE, STARTING, STOPPING, Standing
from .surroundings import Surroundings

if TYPE_CHECKING:
    from ripieno_daemon.app import App, Ports

    from .from_afar import FromAfar

OK, NO, CALLED_WRONGLY = 0, 1, 2
EXTEND_S = 15.0
LONGEST_START_S = 180.0
SAFE_MODE_S = 600.0
LOOK_S = 1.0
FILE, LAST_GOOD = "file", "last good plan"
STARTS = "starts"
Tell = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Next:
    """What the next life of the app runs; `answered` is told whether it began."""

    plan: Plan
    source: str
    ports: Ports
    answered: asyncio.Future[str] | None = None


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
        self.device_file, self._around = device_file, surroundings
        self._tell_outside = tell
        self._from_afar: FromAfar | None = None
        self._make_ports, self._make_app = ports, app
        self._stop = asyncio.Event()
        self._turn = asyncio.Event()  # the present life ends: a stop, or something else is to run
        self._next: Next | None = None
        self._leave_safe_mode = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._last_good = LastGood(surroundings.kept) if surroundings.kept is not None else None
        self._reloading = asyncio.Lock()
        self._announced = False
        self._before: Next | None = None

    def _tell(self, event: str, text: str) -> None:
        if self._from_afar is not None:
            self._from_afar.said(text)
        self._tell_outside(event, text)

    def stop(self) -> None:
        """End in order."""
        self._stop.set()
        self._turn.set()
        self._leave_safe_mode.set()

    def in_background(self, work: Any) -> None:
        """Run something that a signal asked for; its failure is told."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._background_ended)

    async def run(self) -> int:
        """Run until stopped; return the exit code."""
        from ripieno_daemon.ports import SystemClock, SystemEntropy

        clock, entropy, notify = SystemClock(), SystemEntropy(), self._around.notify
        self.standing = Standing(clock, notify, self._tell)
        self.standing.set(STARTING, f"reading {self.device_file}")
        self._clock = clock
        try:
            plan, source = await self._first_plan()
        except ConfigError as error:
            for problem in error.problems:
                self._tell("problem", str(problem))
            self.standing.set(STOPPING, f"{len(error.problems)} problems in {self.device_file}: {error.problems[0]}")
            return CALLED_WRONGLY
        supervisor = self._supervisor = Supervisor(clock, entropy, self.standing.stopped)
        self.standing.supervisor, self.standing.plan, self.standing.source = supervisor, plan, source
        watch = LoopWatch(self._blocked, self._free)
        asyncio.get_running_loop().set_exception_handler(self._lost)
        feeder = Feeder(supervisor.progress, clock, notify, notify.watchdog_s, self._stuck)
        watch.start()
        feeding = asyncio.create_task(feeder.run(), name="watchdog")
        looking = asyncio.create_task(self._look(), name="looking")
        try:
            async with LocalSocket(self._around.socket(plan.storage.state), Answers(self)):
                return await self._lives(plan, source)
        except OSError as error:
            self._tell(
                "stop", f"the local socket cannot be made: {error}; another daemon may have this state directory"
            )
            return NO
        finally:
            notify("STOPPING=1")
            feeding.cancel()
            looking.cancel()
            await asyncio.gather(feeding, looking, *self._tasks, return_exceptions=True)
            watch.stop()
            if self._last_good is not None:
                self._last_good.close()

    async def compiled(self) -> Plan:
        """Return the plan of the files as they are now. Raises ConfigError."""
        return await compile_remembered(self.device_file, self._around.kept)

    def ports_for(self, plan: Plan) -> Ports:
        """Return new ports for a plan."""
        return self._make_ports(plan)

    async def reload(self, by: str, only: str = "") -> dict[str, Any]:
        """Put the files as they are now into force, unless they are worse than what runs; return what changed.

        `only`: the digest of the one plan that is wanted; the files that make another are declined.
        """
        async with self._reloading:
            before = self.standing.plan
            assert before is not None
            self._tell("reload", f"{by} asks for the files as they are now")
            try:
                plan = await self.compiled()
            except ConfigError as error:
                return self._refused([str(problem) for problem in error.problems])
            if only and digest(plan) != only:
                why = f"the files make plan {digest(plan)} now, not {only[:64]}; ask for the plan again"
                return {"ok": False, "declined": True, "why": why}
            changed = differences(before, plan)
            if encode(plan) == encode(before) and self.standing.phase == RUNNING:
                self._mended()
                return {"ok": True, "changed": [], "text": "nothing has changed"}
            if plan.storage.state != before.storage.state:
                return self._refused(["storage.state: another state directory needs a restart of the service"])
            if failed := await self._hand_over(plan, FILE):
                return self._refused([failed])
            self.standing.reloads += 1
            for line in changed:
                self._tell("changed", line)
            return {"ok": True, "changed": changed, "text": f"{len(changed)} places changed"}

    async def restart(self, by: str) -> dict[str, Any]:
        """End what runs in order and begin the same plan anew, with new workers and devices opened again."""
        async with self._reloading:
            plan = self.standing.plan
            assert plan is not None
            self._tell("said", f"{by} asks for a restart of what runs")
            if failed := await self._hand_over(plan, self.standing.source):
                return {"ok": False, "why": failed}
            return {"ok": True, "text": "it runs anew"}

    async def _hand_over(self, plan: Plan, source: str) -> str:
        """Let another life of the app take the place of this one; return why it did not, "" where it did."""
        try:
            ports = await preload(plan, self._make_ports(plan), lambda text: self._tell("said", text))
        except RipienoError as error:
            return str(error)
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._next = Next(plan, source, ports, answered)
        self._turn.set()
        self._leave_safe_mode.set()
        return await answered

    async def rearm(self, by: str) -> dict[str, Any]:
        """Let outputs move again; in safe mode: try again to run."""
        if self.standing.phase == SAFE:
            self._tell("said", f"{by} ends the safe mode")
            self._leave_safe_mode.set()
            return {"ok": True, "text": "safe mode is left; outputs that a person arms want another `ripieno rearm`"}
        app = self.standing.app
        if app is None or not await app.rearm(by):
            return {"ok": False, "why": f"no device is open ({self.standing.phase})"}
        return {"ok": True, "text": "outputs may move again, as far as each board can be armed"}

    # --- which plan ---------------------------------------------------------------------------------------------

    async def _first_plan(self) -> tuple[Plan, str]:
        """Return the plan of the files, or the last good one where that is allowed. Raises ConfigError."""
        try:
            return await compile_remembered(self.device_file, self._around.kept), FILE
        except ConfigError as error:
            kept = self._last_good.load() if self._last_good is not None else None
            if kept is None or kept.plan.on_bad_config == "refuse":
                raise
            for problem in error.problems:
                self._tell("problem", str(problem))
            self._bad_config([str(problem) for problem in error.problems], "the last good plan runs")
            return kept.plan, LAST_GOOD

    def _bad_config(self, problems: list[str], then: str) -> None:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        text = f"{then}; {self.device_file} is worse: {problems[0]}{more}; mend it, then `ripieno reload`"
        self.standing.alarm("config", self.device_file, text)

    def _refused(self, problems: list[str]) -> dict[str, Any]:
        for problem in problems:
            self._tell("problem", problem)
        self._bad_config(problems, "what ran runs on")
        return {"ok": False, "why": "refused; what ran runs on", "problems": problems}

    def _mended(self) -> None:
        self.standing.over("config", self.device_file)

    # --- lives --------------------------------------------------------------------------------------------------

    async def _lives(self, plan: Plan, source: str) -> int:
        now = Next(plan, source, self._make_ports(plan))
        if self._starts_too_often():
            await self._safe_mode()
            now = self._take_next() or now
        while not self._stop.is_set():
            self._turn.clear()
            try:
                await self._live(now)
            except Exception as error:
                if not (following := self._failed(now, error)):
                    return NO
                now = following
                continue
            now = self._take_next() or now
        self._forget_starts()
        return OK

    def _failed(self, now: Next, error: Exception) -> Next | None:
        """A life ended badly: one that a reload began goes back to what ran before, any other ends the process."""
        stop = stop_of("the daemon", error)
        if now.answered is not None and not now.answered.done():
            now.answered.set_result(f"{stop.cause}; what ran before runs again")
            assert self._before is not None
            return replace(self._before, ports=self._make_ports(self._before.plan), answered=None)
        self.standing.set(STOPPING, stop.cause)
        self._tell("stop", str(stop))
        return None

    async def _live(self, now: Next) -> None:
        """Run one app until it is stopped or something else is to run."""
        standing = self.standing
        standing.began()
        standing.set(STARTING, "loading models, reading the record")
        app = self._make_app(
            now.plan,
            now.ports,
            lambda text: self._tell("said", text),
            lambda: self._ready(now),
            self._supervisor,
            lambda: self._begun(now),
        )
        standing.app, app.on_held = app, self._held
        if now.plan.broker.orders is not None:
            app.executors = self._obeying().executors(now.plan)
        extending = asyncio.create_task(self._extend(), name="extend")
        try:
            await self._run(app)
        finally:
            standing.app = None
            extending.cancel()
            await asyncio.gather(extending, return_exceptions=True)
            self._supervisor.progress.clear()
            if self._stop.is_set():
                standing.set(STOPPING, "outputs are safe, the record is being closed")

    async def _run(self, app: App) -> None:
        """Run the app until it ends; a stop before it has begun does not wait for its models: nothing is open yet."""
        running = asyncio.create_task(app.run(self._turn), name="app")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done() and self.standing.phase == STARTING:
                running.cancel()
            await running
        except asyncio.CancelledError:
            if not self._stop.is_set():
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                raise
        finally:
            stopping.cancel()

    def _obeying(self) -> FromAfar:
        """Return what orders from afar may ask of this process; it is made for the first life that takes some."""
        if self._from_afar is None:
            from ripieno_daemon.orders.executors import Said

            from .from_afar import FromAfar

            self._from_afar = FromAfar(self, Said(self._clock, lambda _text: None))
        return self._from_afar

    def _begun(self, now: Next) -> None:
        standing = self.standing
        standing.plan, standing.source = now.plan, now.source
        standing.set(RUNNING, f"{', '.join(one.name for one in now.plan.pipelines)} on {now.plan.device}")
        if not self._announced:
            self._announced = True
            self._around.notify("READY=1")
        if now.source == FILE:
            self._mended()
        self._before = now
        if now.answered is not None and not now.answered.done():
            now.answered.set_result("")

    def _ready(self, now: Next) -> None:
        self.standing.is_first_possible()
        self._tell("ready", "ready: the first act is possible")
        if self._last_good is not None and now.source == FILE:
            self.in_background(self._keep(now.plan))

    async def _keep(self, plan: Plan) -> None:
        assert self._last_good is not None
        try:
            await self._last_good.keep(plan, self._clock.wall_ns())
            self.standing.over("last-good")
        except RipienoError as error:
            self.standing.alarm("last-good", "", why_not(error))

    async def _extend(self) -> None:
        """Ask systemd for more time as long as a start may honestly take."""
        began_ns = self._clock.monotonic_ns()
        while self.standing.phase == STARTING and self._clock.monotonic_ns() - began_ns < LONGEST_START_S * 1e9:
            self._around.notify(f"EXTEND_TIMEOUT_USEC={int(EXTEND_S * 1e6)}")
            await self._clock.sleep(EXTEND_S / 3)

    def _take_next(self) -> Next | None:
        following, self._next = self._next, None
        return following

    # --- too many starts ----------------------------------------------------------------------------------------

    def _starts_too_often(self) -> bool:
        files = self._around.runtime
        if files is None:
            return False  # nobody starts us again by himself
        try:
            starts = Starts(files.read(STARTS).decode(errors="replace"), self._clock.monotonic_ns())
            files.write(STARTS, starts.text().encode())
        except StorageError as error:
            self.standing.alarm("starts", "", f"starts are not counted: {error}")
            return False
        self.standing.starts = starts.count
        return starts.is_too_often

    def _forget_starts(self) -> None:
        if self._around.runtime is not None:
            try:
                self._around.runtime.remove(STARTS)
            except StorageError as error:
                self._tell("said", f"the next start counts this one as a crash: {error}")

    async def _safe_mode(self) -> None:
        """Open nothing, answer whoever asks, and try again when a person says so or after ten minutes."""
        standing = self.standing
        text = (
            f"{standing.starts} starts within a minute: safe mode, no device is opened; "
            "`journalctl -u ripieno` says what stopped them, `ripieno rearm` tries again"
        )
        standing.set(SAFE, "outputs are safe, no device is opened")
        standing.alarm("safe-mode", "", text)
        self._announced = True
        self._around.notify("READY=1")
        try:
            async with asyncio.timeout(SAFE_MODE_S):
                await self._leave_safe_mode.wait()
        except TimeoutError:
            self._tell("said", f"safe mode has lasted {SAFE_MODE_S:g} s: it is tried again")
        self._forget_starts()
        standing.over("safe-mode")

    # --- what else can go wrong -----------------------------------------------------------------------------------

    async def _look(self) -> None:
        while True:
            await self._clock.sleep(LOOK_S)
            self.standing.look()

    def _blocked(self, blocked: Blocked) -> None:
        """From the watching thread: nothing but saying it is allowed."""
        self._tell("blocked", f"ALARM the loop is blocked at {blocked.place}\n{blocked.stack}")

    def _free(self, blocked: Blocked) -> None:
        self.standing.blocked += 1
        text = f"the loop was blocked for {blocked.seconds:.1f} s at {blocked.place}"
        self.standing.alarm("blocked", blocked.place, text, lasts=False)

    def _held(self, held: Held | None) -> None:
        if held is None:
            self.standing.over("held")
        else:
            self.standing.alarm("held", "", f"{held}; `ripieno rearm` lets them move again")

    def _stuck(self, stuck: list[Stuck] | None) -> None:
        if stuck is None:
            self.standing.over("stuck")
            return
        text = f"{'; '.join(map(str, stuck))}; systemd will restart the daemon"
        self.standing.alarm("stuck", "", text)

    def _lost(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error that no task took: a callback's. It is told like any other stop."""
        error = context.get("exception")
        part = str(context.get("task") or context.get("handle") or "a callback")
        stop = (
            stop_of(part[:200], error) if error else Stop(part[:200], str(context["message"]), "no error", "report it")
        )
        self.standing.stopped(stop, "it goes on without")

    def _background_ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.standing.stopped(stop_of(task.get_name(), error), "it is not done")
