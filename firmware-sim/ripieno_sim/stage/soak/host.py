"""One life of the daemon as the line sees it: the real service of the link, in the soak's time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ripieno.contracts.driver import Context, Intent
from ripieno.errors import DeviceError, LinkDown
from ripieno.values import Act, Outcome, OutcomeKind, Pulse
from ripieno_drivers.link import LinkSettings
from ripieno_drivers.link.actuator import FAREWELL_S, GRAIN_US
from ripieno_drivers.link.departures import Departure
from ripieno_drivers.link.inbox import Inbox
from ripieno_drivers.link.service import Service

from .agenda import Agenda
from .port import SoakPort
from .store import Store

WHERE_A_HOST_DIES: Final = ("before the intent", "after the intent", "after the first byte")


class Host:
    """Does what LinkDevice does on a loop: opens, turns, sleeps, reopens. `set` wakes it.

    Args:
        start_ns: what its clock shows at time 0.
        tell: takes the outcome of an act that this life began.
        named: hears each id that an act is given.
    """

    def __init__(
        self,
        settings: LinkSettings,
        context: Context,
        port: SoakPort,
        store: Store,
        agenda: Agenda,
        start_ns: int,
        tell: Callable[[Outcome], None],
        named: Callable[[Intent], None],
    ) -> None:
        self.service = Service(settings, context, self)
        self.is_alive = True
        self.is_blocked = False
        self.dies: str | None = None
        """Where this host is killed when it next makes an intent durable; one of WHERE_A_HOST_DIES."""
        self.unwritten: dict[Act, Departure] = {}
        self._kept: dict[Act, Outcome] = {}
        self._port, self._store, self._agenda, self._tell = port, store, agenda, tell
        self._named = named
        self._start_us = start_ns // 1000
        self._inbox: Inbox | None = None
        self._open_at_us: int | None = port.now_us
        self._leaves_by_us: int | None = None
        self._woken = True
        self._due_us: int | None = None
        self.service.acts.open()

    def set(self) -> None:
        """Look again at once."""
        self._woken = True

    @property
    def is_up(self) -> bool:
        """Whether a session stands."""
        return self.is_alive and self.service.link.is_up

    def fire(self, pulse: Pulse, now_us: int) -> Outcome | None:
        """Do an act as LinkDevice.fire does; an outcome that is known at once is returned, others are told."""

        def go() -> None:
            outcome = self._begin(pulse, self._port.now_us)
            if outcome is not None:
                self._tell(outcome)

        def drop(why: str) -> None:
            self._tell(Outcome(pulse.act, OutcomeKind.NOT_EXECUTED, why))

        return None if self.service.held(pulse, go, drop) is not None else self._begin(pulse, now_us)

    def _begin(self, pulse: Pulse, now_us: int) -> Outcome | None:
        departure = self.service.acts.begin(pulse, b"", self._told)
        if isinstance(departure, Outcome):
            return departure
        self._named(departure.command.intent)
        self.unwritten[pulse.act] = departure
        self._agenda.at(now_us + self._store.takes_us(), lambda at_us: self._written(departure, at_us))
        return None

    def next_us(self, now_us: int) -> int | None:
        """Return when `turn` is due; None: only bytes can bring it about."""
        if not self.is_alive or self.is_blocked:
            return None
        if self._inbox is None:
            return self._open_at_us
        return now_us if self._woken else self._due_us

    def turn(self, now_us: int) -> None:
        """Do what is due."""
        if self._inbox is None:
            if self._open_at_us is not None:
                self._open(now_us)
            return
        self._woken = False
        try:
            self.service.turn(self._port, self._inbox)
        except DeviceError as error:
            self._lost(str(error), now_us)
            return
        if self._leaves_by_us is not None and (self.service.has_left or now_us >= self._leaves_by_us):
            self._leave()
            return
        due_us = self.service.deadline_us()
        self._due_us = None if due_us is None else max(due_us - self._start_us, now_us + GRAIN_US)

    def turn_now(self, now_us: int) -> None:
        """Turn if this host can; what it writes may be cut short."""
        if self.is_alive and not self.is_blocked and self._inbox is not None:
            self.turn(now_us)

    def stop(self, now_us: int) -> None:
        """End as a daemon that is told to: say goodbye within 0.3 s."""
        if self._inbox is None:
            self._leave()
        elif self._leaves_by_us is None:
            self.service.leave()
            self._leaves_by_us = now_us + int(FAREWELL_S * 1e6)
            self._woken = True

    def kill(self) -> None:
        """End at once. Of the intents that were being written, some are durable and nobody has heard of it."""
        for act, departure in list(self.unwritten.items()):
            if self._store.survives() and self._store.written(departure.command.intent):
                del self.unwritten[act]
        self._close()
        self.is_alive = False

    def _leave(self) -> None:
        """The line is closed; the process ends when the disk has answered all its writes."""
        self._close()
        self.service.abandon()
        self._open_at_us = None
        self.is_alive = bool(self.unwritten)

    def _close(self) -> None:
        if self._inbox is not None:
            self._port.close()
            self._inbox = None

    def _open(self, now_us: int) -> None:
        inbox = Inbox(self, lambda: self._start_us + self._port.now_us)
        try:
            self._port.open(inbox)
        except DeviceError as error:
            self._open_at_us = now_us + int(self.service.lost(str(error)) * 1e6)
            return
        self._inbox = inbox
        self._woken = True
        self.service.opened()

    def _lost(self, why: str, now_us: int) -> None:
        retry_s = self.service.lost(why)
        self._port.close()
        self._inbox = None
        self._open_at_us = now_us + int(retry_s * 1e6)

    def _written(self, departure: Departure, now_us: int) -> None:
        """The disk has finished with an intent; perhaps this host does not live to see it."""
        if not self.is_alive:
            return
        if self.is_blocked:  # the disk has written; the host hears of it when it goes on
            self._agenda.at(now_us + 20_000, lambda at_us: self._written(departure, at_us))
            return
        if self.dies == WHERE_A_HOST_DIES[0]:
            self.kill()
            return
        act = departure.command.intent.act
        is_durable = self._store.written(departure.command.intent)
        if is_durable or self.dies is None:
            del self.unwritten[act]
        if self.dies == WHERE_A_HOST_DIES[1] or (self.dies is not None and not is_durable):
            self.kill()
            return
        if is_durable:
            self.service.acts.is_durable(departure)
        else:
            self.service.acts.is_refused(departure, "storage")
        if act in self._kept:
            self._tell(self._kept.pop(act))
        if self.dies is not None:
            self._port.takes_only = 1 + departure.command.intent.command_id % 30
            self.turn_now(now_us)
            self.kill()
        elif self._inbox is None and self._open_at_us is None:
            self.is_alive = bool(self.unwritten)

    def _told(self, outcome: Outcome | LinkDown) -> None:
        """An outcome is heard when the disk has answered, too: `LinkDevice.fire` waits for both."""
        if isinstance(outcome, LinkDown):
            return
        if outcome.act in self.unwritten:
            self._kept[outcome.act] = outcome
        else:
            self._tell(outcome)
