"""The desk: tells of every change of the alarms on each channel that the device file names.

lamp or horn   a level of a device that the line uses (lamps.py), set again every second: boards come back
message        sent by a device of its own (opened.py), as often as needed, under one key (posting.py)
fleet          a record of kind `notice`, which leaves as a result through the outbox
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol

from ripieno.contracts.driver import Device
from ripieno.contracts.ports import Clock
from ripieno.plan import DevicePlan, Plan
from ripieno.plan.tree import AlarmsPlan, ChannelPlan
from ripieno_daemon.supervision import Supervisor

from .alarms import Alarm
from .lamps import Lamps, Line
from .notices import TEST, Notice, Notices
from .opened import OpenedApart
from .posting import REFUSED, Posting

if TYPE_CHECKING:
    from ripieno_daemon.app import Ports

ANSWER_S: Final = 8.0
MOST_UNRECORDED: Final = 100


class Faults(Protocol):
    """Where the desk finds the alarms, and tells of its own."""

    def listed(self) -> Sequence[Alarm]: ...
    def alarm(self, code: str, subject: str, text: str) -> None: ...
    def over(self, code: str, subject: str) -> None: ...


class Desk:
    """All channels.

    Args:
        line: gives what runs now, None where nothing does.
        ports: makes the ports for a plan.
        say: one sentence for a person.
    """

    def __init__(
        self,
        clock: Clock,
        supervisor: Supervisor,
        faults: Faults,
        line: Callable[[], Line | None],
        ports: Callable[[Plan], Ports],
        say: Callable[[str], None],
    ) -> None:
        self._clock, self._supervisor, self._faults = clock, supervisor, faults
        self._line, self._make_ports, self._say = line, ports, say
        self._plan: Plan | None = None
        self._turn = asyncio.Event()
        self._notices: dict[str, Notices] = {}
        self._postings: dict[str, Posting] = {}
        self._lamps = Lamps((), line)
        self._fleet: Notices | None = None
        self._unrecorded: list[dict[str, object]] = []
        self._apart: OpenedApart | None = None
        self._tested: dict[str, asyncio.Future[str]] = {}

    def use(self, plan: Plan) -> None:
        """Take the channels of a plan, unless they are those that are in use."""
        if self._plan is not None and (plan.alarms, plan.broker.transport) == (
            self._plan.alarms,
            self._plan.broker.transport,
        ):
            return
        self._plan, alarms = plan, plan.alarms
        about = (("device", plan.device), ("site", plan.site))
        messages = [one for one in alarms.channels if one.kind == "message"]
        self._notices = {one.name: Notices(one.severity, one.repeat_ns) for one in messages}
        self._postings = {one.name: Posting(one.point, about, self._ender(one.name)) for one in messages}
        self._lamps = Lamps(alarms.channels, self._line)
        goes_out = alarms.fleet != "none" and plan.broker.transport != "none"
        self._fleet = Notices(alarms.fleet, 0) if goes_out else None
        self._unrecorded.clear()
        self._turn.set()

    async def run(self) -> NoReturn:
        """Serve the channels until cancelled."""
        while True:
            self._turn.clear()
            serving = asyncio.create_task(self._serve(), name="alarm channels")
            try:
                await self._turn.wait()
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
                self._apart = None

    def changed(self) -> None:
        """Tell of what has changed. Called after each change of an alarm, and once a second."""
        now_ns, listed = self._clock.monotonic_ns(), self._faults.listed()
        for name, notices in self._notices.items():
            for notice in notices.look(listed, now_ns):
                self._postings[name].put(notice)
        if self._fleet is not None:
            self._unrecorded += [dict(one.fields()) | {"id": one.key} for one in self._fleet.look(listed, now_ns)]
            self._record()
        self._lamps.show(listed, now_ns, only_changed=True)

    def look(self) -> None:
        """Once a second: notices that are due by time, lamps set again, and channels that are down."""
        if self._apart is not None:
            for name, why in self._apart.down(self._clock.monotonic_ns()).items():
                self._faults.alarm("device", name, f"{name} is down: {why}; alarms wait for it")
            for name in self._apart.up:
                self._faults.over("device", name)
        self.changed()
        self._lamps.show(self._faults.listed(), self._clock.monotonic_ns(), only_changed=False)

    async def test(self, by: str) -> dict[str, str]:
        """Send a test message on every channel, switch every lamp for 3 s; return what became of it, by channel."""
        wall_ns, loop = self._clock.wall_ns(), asyncio.get_running_loop()
        text = f"a test of the alarm channels, by {by}"
        alarm = Alarm(TEST, "", text, wall_ns, wall_ns, lasts=False, severity="high")
        told = self._lamps.test(self._clock.monotonic_ns())
        waiting = {name: loop.create_future() for name in self._postings}
        self._tested = waiting
        for posting in self._postings.values():
            posting.put(Notice(TEST, f"{TEST}@{wall_ns}", alarm))
        if waiting:
            await asyncio.wait(waiting.values(), timeout=ANSWER_S)
        for name, future in waiting.items():
            told[name] = future.result() if future.done() else f"no answer within {ANSWER_S:g} s; it is tried further"
        return {one.name: told[one.name] for one in self._channels}

    def report(self) -> dict[str, Any]:
        """Return each channel: what it is, what waits, and what became of the rest."""
        return {one.name: self._channel(one) for one in self._channels}

    @property
    def _channels(self) -> Sequence[ChannelPlan]:
        return (self._plan.alarms if self._plan is not None else AlarmsPlan()).channels

    def _channel(self, one: ChannelPlan) -> dict[str, Any]:
        told: dict[str, Any] = {"kind": one.kind, "severity": one.severity}
        if one.kind == "indicator":
            return told | {"on": self._lamps.lit.get(one.name, False)}
        posting = self._postings[one.name]
        return told | {
            "waiting": posting.waiting,
            **posting.ended,
            "suppressed": self._notices[one.name].suppressed,
        }

    async def _serve(self) -> None:
        plan = self._plan
        if plan is None or not self._postings:
            return
        apart = self._apart = OpenedApart(
            plan.alarms.devices, self._make_ports(plan), self._supervisor, self._made, self._say
        )
        async with asyncio.TaskGroup() as group:
            apart.begin_all(group)
            for name, posting in self._postings.items():
                self._supervisor.begin(group, f"alarm channel {name}", posting.run)

    def _made(self, plan: DevicePlan, device: Device) -> None:
        points = {one.name for one in plan.points}
        for channel in self._channels:
            if channel.point in points:
                self._postings[channel.name].bind(device)

    def _ender(self, name: str) -> Callable[[Notice, str, str], None]:
        def ended(notice: Notice, how: str, why: str) -> None:
            told = f"{how}: {why}" if why else how
            future = self._tested.get(name)
            if notice.what == TEST and future is not None and not future.done():
                future.set_result(told)
            if how == REFUSED:
                self._say(f"alarm channel {name}: {notice.alarm.name} was {told}")

        return ended

    def _record(self) -> None:
        line = self._line()
        while self._unrecorded and line is not None and line.note(self._unrecorded[0]):
            del self._unrecorded[0]
        del self._unrecorded[:-MOST_UNRECORDED]
