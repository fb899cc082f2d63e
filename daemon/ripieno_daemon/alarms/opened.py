"""The devices that serve alarm channels alone: each kept running, and made anew after its driver has stopped.

They live with the process, not with what it runs: a person is told in safe mode too, and over a reload.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ripieno.contracts.driver import Arrival, Context, Device, Intent, Point
from ripieno.errors import StorageError
from ripieno.plan import DevicePlan
from ripieno.values import Act, DeviceDown, DeviceUp, Outcome
from ripieno_daemon.supervision import Supervisor

if TYPE_CHECKING:
    from ripieno_daemon.app import Ports

DOWN_NS = 5_000_000_000


class OpenedApart:
    """The devices of one plan.

    Args:
        made: takes a device that was made (anew).
        say: one sentence for a person.
    """

    def __init__(
        self,
        plans: Sequence[DevicePlan],
        ports: Ports,
        supervisor: Supervisor,
        made: Callable[[DevicePlan, Device], None],
        say: Callable[[str], None],
    ) -> None:
        self._plans, self._ports, self._supervisor = plans, ports, supervisor
        self._made, self._say = made, say
        self._down: dict[str, tuple[int, str]] = {
            plan.name: (ports.clock.monotonic_ns(), "it is not reached yet") for plan in plans
        }

    def begin_all(self, group: asyncio.TaskGroup) -> None:
        """Run every device in this group."""
        for plan in self._plans:
            self._supervisor.begin(group, f"alarm device {plan.name}", lambda plan=plan: self._run(plan))  # type: ignore[misc]

    def down(self, now_ns: int) -> Mapping[str, str]:
        """Return the devices that have been down for a while, and why."""
        return {name: why for name, (since, why) in self._down.items() if now_ns - since > DOWN_NS}

    @property
    def up(self) -> set[str]:
        """Return the names of those that are up."""
        return {plan.name for plan in self._plans} - self._down.keys()

    async def _run(self, plan: DevicePlan) -> None:
        driver = self._ports.drivers[plan.driver]
        points = [Point(one.name, one.kind, driver.point(**one.settings)) for one in plan.points]
        ports = self._ports
        device = driver.open(
            driver.settings(**plan.settings, **plan.places),
            Context(
                device=plan.name,
                points=points,
                clock=ports.clock,
                entropy=ports.entropy,
                lines=ports.lines,
                folder=ports.folder,
                intents=_NoIntents(),
                report=self._report,
                settled=_nobody_asked,
                say=self._say,
                storage=ports.storage,
                processes=ports.processes,
                network=ports.network,
                files=ports.files,
                brokers=ports.brokers,
            ),
        )
        self._made(plan, device)
        try:
            await device.run()
        finally:
            self._down.setdefault(plan.name, (ports.clock.monotonic_ns(), "its driver has stopped"))

    def _report(self, arrival: Arrival) -> None:
        if isinstance(arrival, DeviceUp):
            if self._down.pop(arrival.device, None) is not None:
                self._say(f"{arrival.device}: up")
        elif isinstance(arrival, DeviceDown):
            since, _ = self._down.get(arrival.device, (self._ports.clock.monotonic_ns(), ""))
            self._down[arrival.device] = since, arrival.why
            self._say(f"{arrival.device}: down: {arrival.why}")


class _NoIntents:
    """What serves messages does no pulse."""

    def highest(self, device: str) -> int:
        return 0

    def open(self, device: str) -> Sequence[Intent]:
        return ()

    async def write(self, intent: Intent) -> None:
        raise StorageError("a device of alarms has no pulses")

    def settle(self, intent: Intent) -> None:
        """There is none."""


def _nobody_asked(outcome: Outcome) -> None:
    raise AssertionError(f"{Act(*outcome.act)} is nobody's")
