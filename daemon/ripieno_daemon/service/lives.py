"""The lives of the app, one after another: each runs until the process stops or another plan is to run.

A life that ends badly ends the process, but for one that a reload began: what ran before it runs again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ripieno.contracts.ports import Clock
from ripieno.plan import Plan
from ripieno_daemon.conducting.standstill import Held
from ripieno_daemon.supervision import Supervisor, stop_of

from . import collecting, mode_answers
from .plans import FILE
from .standing import RUNNING, STARTING, STOPPING, Standing

if TYPE_CHECKING:
    from ripieno_daemon.app import App, Ports
    from ripieno_daemon.orders.executors import Executor
    from ripieno_daemon.updates.updates import Updates

EXTEND_S = 15.0
LONGEST_START_S = 180.0


@dataclass(frozen=True, slots=True)
class Next:
    """What the next life of the app runs; `answered` is told whether it began."""

    plan: Plan
    source: str
    ports: Ports
    answered: asyncio.Future[str] | None = None


@dataclass(frozen=True, slots=True)
class Making:
    """How an app is made, and who hears of it.

    Attributes:
        ports: makes the ports for a plan.
        app: makes an app.
        executors: what may be asked from afar while a plan runs.
        tell: what kind of thing happened, and the sentence for a person.
        on_held: who holds the outputs, None: nobody any more.
        on_begun: a plan from this source is in force.
        on_ready: with this plan from this source the first act is possible.
        updates: who judges releases by what the line does with them.
        instead: the very first plan did not begin, for this reason: another that may, None for none.
    """

    ports: Callable[[Plan], Ports]
    app: Callable[..., App]
    executors: Callable[[Plan], Mapping[str, Executor]]
    tell: Callable[[str, str], None]
    on_held: Callable[[Held | None], None]
    on_begun: Callable[[str], None]
    on_ready: Callable[[Plan, str], None]
    updates: Callable[[], Updates | None]
    instead: Callable[[str], Awaitable[Plan | None]]


class Lives:
    """Runs one app at a time.

    Args:
        stop: set when the process is to end.
    """

    def __init__(
        self, making: Making, standing: Standing, supervisor: Supervisor, clock: Clock, stop: asyncio.Event
    ) -> None:
        self._making, self._standing, self._supervisor, self._clock = making, standing, supervisor, clock
        self._stop = stop
        self._turn = asyncio.Event()  # the present life ends: a stop, or something else is to run
        self._next: Next | None = None
        self._before: Next | None = None

    def end(self) -> None:
        """End the present life in order."""
        self._turn.set()

    def follow(self, plan: Plan, source: str, ports: Ports) -> asyncio.Future[str]:
        """Let another life take the place of this one; the future has why it did not, "" where it did."""
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._next = Next(plan, source, ports, answered)
        self.end()
        return answered

    async def run(self, plan: Plan, source: str) -> bool:
        """Run until stopped; return whether it ended in order."""
        now = self._take_next() or Next(plan, source, self._making.ports(plan))
        while not self._stop.is_set():
            self._turn.clear()
            try:
                await self._live(now)
            except Exception as error:
                if self._before is None:
                    other = await self._making.instead(stop_of("the daemon", error).cause)
                    if other is not None:
                        now = Next(other, FILE, self._making.ports(other))
                        continue
                if not (following := self._failed(now, error)):
                    return False
                now = following
                continue
            if (following := self._take_next()) is not None:
                collecting.between_lives()
            now = following or now
        return True

    def _failed(self, now: Next, error: Exception) -> Next | None:
        stop = stop_of("the daemon", error)
        if now.answered is not None and not now.answered.done():
            if self._before is not None:
                now.answered.set_result(f"{stop.cause}; what ran before runs again")
                return replace(self._before, ports=self._making.ports(self._before.plan), answered=None)
            now.answered.set_result(f"{stop.cause}; nothing ran before, so the daemon is started again")
        self._standing.set(STOPPING, stop.cause)
        self._making.tell("stop", str(stop))
        return None

    async def _live(self, now: Next) -> None:
        """Run one app until it is stopped or something else is to run."""
        standing, making = self._standing, self._making
        standing.began()
        standing.set(STARTING, "loading models, reading the record")
        app = making.app(
            now.plan,
            now.ports,
            lambda text: making.tell("said", text),
            lambda: making.on_ready(now.plan, now.source),
            self._supervisor,
            lambda: self._begun(now),
        )
        standing.app, app.on_held, app.on_alarm = app, making.on_held, standing.noticed
        app.on_impaired = standing.impaired
        app.on_mode = lambda change: mode_answers.notice(standing, change)
        if now.plan.broker.orders is not None:
            app.executors = making.executors(now.plan)
        app.updates = making.updates()
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
            if not running.done() and self._standing.phase == STARTING:
                running.cancel()
            await running
        except asyncio.CancelledError:
            if not self._stop.is_set():
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                raise
        finally:
            stopping.cancel()

    def _begun(self, now: Next) -> None:
        standing = self._standing
        standing.plan, standing.source = now.plan, now.source
        standing.set(RUNNING, f"{', '.join(one.name for one in now.plan.pipelines)} on {now.plan.device}")
        standing.up()
        collecting.resume()
        self._making.on_begun(now.source)
        self._before = now
        if now.answered is not None and not now.answered.done():
            now.answered.set_result("")

    async def _extend(self) -> None:
        """Ask systemd for more time as long as a start may honestly take."""
        began_ns = self._clock.monotonic_ns()
        while self._standing.phase == STARTING and self._clock.monotonic_ns() - began_ns < LONGEST_START_S * 1e9:
            self._standing.extend(EXTEND_S)
            await self._clock.sleep(EXTEND_S / 3)

    def _take_next(self) -> Next | None:
        following, self._next = self._next, None
        return following
