"""The opened devices of a plan: each is kept running, and opened anew after its driver has crashed.

A driver that crashes once in a while costs its device a new session and nothing else. One that crashes too often makes
the pipeline fall safe: nobody knows what its machine does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from ripieno.contracts.driver import Context, Device, Driver
from ripieno.contracts.ports import Clock
from ripieno.errors import StorageError
from ripieno.plan import DevicePlan
from ripieno.values import DeviceDown

from ..conducting.conductor import Conductor
from ..supervision import Stop, Supervisor, WatchedClock

TURN_S = 10.0  # a driver with outputs looks at its clock at least this often: it renews leases, polls or tries to open
MOVES = ("pulse", "setpoint")
MakeContext = Callable[[DevicePlan, Driver, Clock], Context]


class OpenDevices:
    """The devices by name. `context` makes what a driver is given."""

    def __init__(
        self, plans: Sequence[DevicePlan], supervisor: Supervisor, conductor: Conductor, context: MakeContext
    ) -> None:
        self._plans = {plan.name: plan for plan in plans}
        self._supervisor, self._conductor, self._context = supervisor, conductor, context
        self._contexts: dict[str, Context] = {}
        self._opened: dict[str, Device] = {}
        self._ran: set[str] = set()
        self._escalating: set[asyncio.Task[None]] = set()

    def open_all(self, drivers: Mapping[str, Driver]) -> None:
        """Make every device; nothing is opened before `begin_all`."""
        self._drivers = drivers
        for plan in self._plans.values():
            self._make(plan)
        self._bind()

    def begin_all(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Run every device in this group; return the tasks, in the order of the plan."""
        return [
            self._supervisor.begin(group, f"device {name}", self._work(name), self._stopped(name), self._escalate(name))
            for name in self._plans
        ]

    def _make(self, plan: DevicePlan) -> None:
        driver = self._drivers[plan.driver]
        context = self._contexts[plan.name] = self._context(plan, driver, self._clock(plan))
        self._opened[plan.name] = driver.open(driver.settings(**plan.settings, **plan.places), context)

    def _clock(self, plan: DevicePlan) -> Clock:
        clock = self._supervisor.clock
        if not any(point.kind in MOVES for point in plan.points):
            return clock  # a folder or a database may have nothing to do for hours
        turned = self._supervisor.progress.turns(
            f"device {plan.name}", TURN_S, lambda: "its driver's task does not turn"
        )
        return WatchedClock(clock, turned)

    def _bind(self) -> None:
        by_point = {point.name: self._opened[name] for name, plan in self._plans.items() for point in plan.points}
        names = {point.name: name for name, plan in self._plans.items() for point in plan.points}
        self._conductor.bind(by_point, names)

    def _work(self, name: str) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            if name in self._ran:  # a device is run once
                self._make(self._plans[name])
                self._bind()
            self._ran.add(name)
            await self._opened[name].run()

        return work

    def _stopped(self, name: str) -> Callable[[Stop], None]:
        def stopped(stop: Stop) -> None:
            self._supervisor.progress.drop(f"device {name}")  # it waits to be opened anew: that is no hang
            self._contexts[name].report(
                DeviceDown(name, f"its driver stopped: {stop.cause}", self._supervisor.clock.monotonic_ns())
            )

        return stopped

    def _escalate(self, name: str) -> Callable[[Stop], None]:
        def escalate(stop: Stop) -> None:
            task = asyncio.ensure_future(self._make_safe(stop))
            self._escalating.add(task)
            task.add_done_callback(self._escalating.discard)

        return escalate

    async def _make_safe(self, stop: Stop) -> None:
        try:
            await self._conductor.make_safe("the supervisor", str(stop))
        except StorageError as error:
            self._supervisor.tell(stop, f"outputs are held, but a restart may not know it: {error}")
