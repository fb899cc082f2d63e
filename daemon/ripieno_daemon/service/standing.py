"""How the daemon stands: what it does, what is wrong and what has stopped; for status, systemd and metrics."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

from ripieno.contracts.ports import Clock
from ripieno.plan import Plan, digest
from ripieno.values import DeviceImpaired
from ripieno_daemon.alarms import Alarm, Alarms, Instant
from ripieno_daemon.alarms.alarms import UNACKNOWLEDGED
from ripieno_daemon.ports.notify import SystemdNotify
from ripieno_daemon.ports.own_process import began_wall_s, processor_s, resident_bytes
from ripieno_daemon.supervision import Stop, Supervisor
from ripieno_daemon.supervision.feeding import ASLEEP_S

from .mode_answers import in_words

if TYPE_CHECKING:
    from ripieno_daemon.app import App

MOST_STOPS = 50
DOWN_S = 5.0  # a board that restarts is back within one
LOOK_S = 1.0  # it is looked so often
DAMAGED = "ledger-damaged"
STATES = ("model", "picture", "reading")  # alarms of the conductor that are over when it says `-good`
STOPPED = "stopped"  # each stop is said, also one that is no news as an alarm
OF_ITEMS = frozenset({"act-in-doubt", "booking-given-up"})  # they name the part, each time another
STARTING, RUNNING, SAFE, STOPPING = "starting", "running", "safe mode", "stopping"


class Standing:
    """Facts, set by the life; `report` puts them together with what the app tells."""

    def __init__(self, clock: Clock, notify: SystemdNotify, say: Callable[[str, str], None]) -> None:
        self._clock, self._notify, self._say = clock, notify, say
        self.alarms = Alarms()
        self.phase, self.doing = STARTING, ""
        self.app: App | None = None
        self.plan: Plan | None = None
        self.source = ""
        self.supervisor: Supervisor | None = None
        self.ready_s: float | None = None
        self.starts = 1
        self.lives = 0
        self.reloads = 0
        self.blocked = 0
        self.on_change: Callable[[], None] = lambda: None
        self.channels: Callable[[], dict[str, Any]] = dict
        self.stops: deque[tuple[int, Stop, str]] = deque(maxlen=MOST_STOPS)
        self._began_ns = clock.monotonic_ns()
        self._looked_ns = self._began_ns
        self._shown = ""
        self._is_up = False
        self.releases: Callable[[], Mapping[str, Any]] = dict
        self._down_since: dict[str, int] = {}

    def set(self, phase: str, doing: str) -> None:
        """Change what the daemon does; systemd shows it."""
        self.phase, self.doing = phase, doing
        self.show()

    def show(self) -> None:
        """Tell systemd the line for people, if it has changed."""
        unseen = [one for one in self.alarms.listed() if one.state == UNACKNOWLEDGED]
        wrong = f"; {len(unseen)} alarm{'s' if len(unseen) != 1 else ''}: {unseen[0].text}" if unseen else ""
        modes = in_words(self.app.modes.report()) if self.app is not None and self.app.modes is not None else ""
        line = f"{self.phase}: {self.doing}{modes}{wrong}"
        if line != self._shown:
            self._shown = line
            self._notify.status(line)

    def up(self) -> None:
        """Tell systemd, once, that the daemon answers: it serves, or it is in safe mode."""
        if not self._is_up:
            self._is_up = True
            self._notify("READY=1")

    def extend(self, seconds: float) -> None:
        """Ask systemd for so much more time."""
        self._notify(f"EXTEND_TIMEOUT_USEC={int(seconds * 1e6)}")

    def alarm(self, code: str, subject: str, text: str, lasts: bool = True) -> None:
        """Raise an alarm; it is said when it is news."""
        if self._raise(code, subject, text, lasts):
            self._say("alarm", f"ALARM {text}")

    def over(self, code: str, subject: str = "") -> None:
        """A state that was wrong has ended."""
        if self.alarms.over(code, subject, self._now()):
            self._say("alarm-over", f"over: {code} {subject}".rstrip())
        self.changed()

    def noticed(self, code: str, text: str) -> None:
        """Take an alarm of the engine, which has been said already. One that tells of a state is over when that is
        good again.
        """
        family, _, health = code.partition("-")
        subject = text.partition(": ")[0] if code not in OF_ITEMS else ""
        if family not in STATES:
            self._raise(code, subject, text, lasts=False)
        elif health == "good":
            self.over(family, subject)
        else:
            self._raise(family, subject, f"{code}: {text}")

    def impaired(self, one: DeviceImpaired) -> None:
        """A device works, and not as it should, or it does again; its driver has said so."""
        subject = f"{one.device}/{one.subject}" if one.subject else one.device
        if one.why:
            self._raise(one.code, subject, f"{one.device}: {one.why}")
        else:
            self.over(one.code, subject)

    def listed(self) -> list[Alarm]:
        """Return the alarms, those that nobody has seen first."""
        return self.alarms.listed()

    async def acknowledge(self, name: str, by: str) -> list[Alarm]:
        """Somebody has seen the alarm of that name, or "all"; return those. Raises StorageError: a restart may tell one
        again.
        """
        found = self.alarms.acknowledge(name, by)
        self.changed()
        if self.app is not None:
            for one in (one for one in found if one.code == DAMAGED):
                await self.app.acknowledge_damage(one.subject, by)
                self.over(DAMAGED, one.subject)
        return found

    def changed(self) -> None:
        """Alarms have come, gone or been seen."""
        self.show()
        self.on_change()

    def stopped(self, stop: Stop, then: str) -> None:
        """A part stopped, and what is done next."""
        self.stops.append((self._clock.wall_ns(), stop, then))
        self._say("stop", f"{stop}; {then}")
        self._raise(STOPPED, stop.part, f"{stop}; {then}", lasts=False)

    def begin_looking(self) -> None:
        """From now on `look` is called every LOOK_S; what a compile step took before it was no sleep."""
        self._looked_ns = self._clock.monotonic_ns()

    def look(self) -> None:
        """Look at the parts: a device that stays down and a disk that refuses are alarms while they last."""
        self._slept()
        for calm in self.alarms.calm(self._now()):
            self._say("alarm-over", f"over: {calm.name}, which came and went {calm.count} times")
        app, now_ns = self.app, self._clock.monotonic_ns()
        if app is None or self.phase != RUNNING:
            self._down_since.clear()
            return
        told = app.report()
        ledger = told["ledger"]
        if ledger is not None and not ledger["durable"]:
            self.alarm("storage", "", "the disk does not take the record; control goes on; make room or mend the disk")
        elif ledger is not None:
            self.over("storage")
        for one in ledger["set_aside"] if ledger is not None else ():
            self.alarm(DAMAGED, one["folder"], one["text"])
        for name, one in told["devices"].items():
            since_ns = self._down_since.setdefault(name, now_ns)
            if one["up"]:
                del self._down_since[name]
                self.over("device", name)
            elif now_ns - since_ns > DOWN_S * 1e9:
                self.alarm("device", name, f"{name} is down: {one['why']}")

    def _slept(self) -> None:
        """Say it where nobody could look for a while: the machine was suspended, or the process stopped."""
        now_ns = self._clock.monotonic_ns()
        for_s, self._looked_ns = (now_ns - self._looked_ns) / 1e9, now_ns
        if for_s > LOOK_S + ASLEEP_S:
            text = (
                f"nothing ran for {for_s:.0f} s: the machine was suspended, or this process stopped; boards fell safe"
            )
            self.alarm("asleep", "", text, lasts=False)

    @property
    def is_healthy(self) -> bool:
        """Whether it serves: it runs, and no part is stuck."""
        return self.phase == RUNNING and not (self.supervisor and self.supervisor.progress.stuck())

    @property
    def is_ready(self) -> bool:
        """Whether an act is possible now: it runs, all devices are up, nobody holds the outputs."""
        app = self.app
        held = app.held if app is not None else None
        return self.is_healthy and app is not None and self.ready_s is not None and not app.down and held is None

    def began(self) -> None:
        """A life of the app begins."""
        self.lives += 1
        self.ready_s = None

    def is_first_possible(self) -> None:
        """The first act is possible."""
        self.ready_s = (self._clock.monotonic_ns() - self._began_ns) / 1e9

    def report(self) -> dict[str, Any]:
        """Return everything, as JSON writes it."""
        return {
            "version": metadata.version("ripieno"),
            "pid": os.getpid(),
            "began": round(began_wall_s(), 3),
            "up_s": round((self._clock.monotonic_ns() - self._began_ns) / 1e9, 3),
            "phase": self.phase,
            "doing": self.doing,
            "healthy": self.is_healthy,
            "ready": self.is_ready,
            "ready_after_s": self.ready_s,
            "starts": self.starts,
            "lives": self.lives,
            "reloads": self.reloads,
            "loop_blocked": self.blocked,
            "memory_bytes": resident_bytes(),
            "processor_s": round(processor_s(), 3),
            "plan": self._plan(),
            "releases": self.releases(),
            "alarms": [one.as_map() for one in self.alarms.listed()],
            "alarms_raised": self.alarms.raised,
            "alarms_damped": self.alarms.damped,
            "alarm_channels": self.channels(),
            "stops": [{"at_ns": at, "then": then, **stop.as_map()} for at, stop, then in self.stops],
            "progress": self.supervisor.progress.parts() if self.supervisor is not None else {},
            **(self.app.report() if self.app is not None else {}),
        }

    def _raise(self, code: str, subject: str, text: str, lasts: bool = True) -> bool:
        is_news = self.alarms.tell(code, subject, text, self._now(), lasts)
        self.changed()
        return is_news

    def _now(self) -> Instant:
        return Instant(self._clock.wall_ns(), self._clock.monotonic_ns())

    def _plan(self) -> dict[str, Any] | None:
        plan = self.plan
        if plan is None:
            return None
        pipelines = [{"name": one.name, "version": one.version} for one in plan.pipelines]
        return {
            "device": plan.device,
            "site": plan.site,
            "digest": digest(plan),
            "source": self.source,
            "pipelines": pipelines,
        }
