"""Pulses from the call to the outcome: at most once, whatever happens; docs/link-protocol.md section 5.

begin -> id and intent -> durable -> its turn (departures.py) -> the link -> unresolved (commands.py) -> outcome

Nothing waits here: who calls `begin` makes the intent durable and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ripieno.contracts.driver import Context, Intent, Point
from ripieno.errors import LinkDown
from ripieno.values import Act, Outcome, OutcomeKind, Pulse

from .arguments import order_for
from .commands import Command, Settled, Unresolved
from .core import Link
from .departures import Departure, Departures
from .events import Answered
from .messages import Welcome

MAX_UNRESOLVED: Final = 256
ROOM_FOR_ORDERS: Final = 16
"""QUERYs leave this much of the link's queue to acts and stops."""
_MAX_ID: Final = 0xFFFF_FFFF


class Acts:
    """The acts of one device. `wake` is called when the link has something to send, `acted` when the board says that a
    pulse of an output began at a time.
    """

    def __init__(
        self,
        context: Context,
        link: Link,
        outputs: Mapping[str, Point],
        counts_per_mm: float,
        wake: Callable[[], None],
        acted: Callable[[str, int], None] = lambda output, at_us: None,
    ) -> None:
        self._context = context
        self._link = link
        self._outputs = outputs
        self._counts_per_mm = counts_per_mm
        self._wake, self._acted = wake, acted
        self._unresolved = Unresolved(counts_per_mm)
        self._departures = Departures()
        self._waiting: dict[int, Departure] = {}
        self._highest = 0
        self.is_open = False

    @property
    def are_settled(self) -> bool:
        return not len(self._unresolved) and not len(self._departures)

    def open(self) -> None:
        """Take over what an earlier run left without an outcome; acts are taken from now on."""
        intents = self._context.intents
        for intent in intents.open(self._context.device):
            self._unresolved.add(Command(intent, None))
        self._highest = intents.highest(self._context.device)
        self.is_open = True

    def begin(self, pulse: Pulse, note: bytes, tell: Callable[[Outcome | LinkDown], None]) -> Departure | Outcome:
        """Give a pulse its id and intent, or say why not. The intent must then be made durable, and `is_durable` or
        `is_refused` called; `tell` is called once, at the earliest then.
        """
        link, welcome, point = self._link, self._link.welcome, self._outputs.get(pulse.output)
        if not self.is_open or not link.is_up or welcome is None:
            return _not_executed(pulse.act, "link down")
        if point is None or point.kind != "pulse":
            return _not_executed(pulse.act, f"no pulse output is called {pulse.output}")
        order = order_for(pulse, point.settings, self._counts_per_mm, link, self._now_us())
        if isinstance(order, str):
            return _not_executed(pulse.act, order)
        if len(self._waiting) >= MAX_UNRESOLVED:
            return _not_executed(pulse.act, f"{MAX_UNRESOLVED} acts have no outcome yet")
        device = self._context.device
        cmd_id = max(self._context.intents.highest(device), welcome.last_cmd_id, self._highest) + 1
        if cmd_id > _MAX_ID:
            return _not_executed(pulse.act, "the board's command ids are used up")
        self._highest = cmd_id
        intent = Intent(pulse.act, device, cmd_id, welcome.journal_epoch, order.args.crc(), note)
        departure = Departure(Command(intent, order, link.boot), order, welcome, tell)
        self._waiting[cmd_id] = departure
        self._departures.enter(departure)
        return departure

    def is_durable(self, departure: Departure) -> None:
        """The intent would survive a power cut: the act may leave."""
        departure.is_durable = True
        self.depart()

    def is_refused(self, departure: Departure, why: str, *, nobody_waits: bool = False) -> None:
        """The intent could not be made durable, or nobody wants the act any more: it must not leave."""
        departure.refused = departure.refused or why
        departure.nobody_waits = departure.nobody_waits or nobody_waits
        self.depart()

    def withdraw(self, act: Act) -> None:
        """CANCEL it if it has left, keep it back if it has not."""
        if self._departures.withdraw(act):
            self.depart()
            return
        for command in self._unresolved.all():
            if command.intent.act == act:
                self._link.cancel(command.intent.command_id)
                self._wake()

    def depart(self) -> None:
        """Hand the acts whose turn it is to the link. The one place where an act leaves."""
        link = self._link
        for departure in self._departures.ready():
            command, why = departure.command, departure.refused
            if not why and not (self.is_open and link.is_up and link.welcome is departure.session):
                why = "link down"  # the numbers were made for that session's clock
            elif not why and departure.order.has_closed(self._now_us(), link.count):
                why = "storage"  # its intent became durable too late
            elif not why and not link.act(command.intent.command_id, departure.order.args):
                why = "the link's queue is full"
            if why:
                self._settle(command, command.outcome(OutcomeKind.NOT_EXECUTED, why))
            else:
                self._unresolved.add(command)
                self._wake()

    def begun(self, cmd_ids: list[int]) -> None:
        for cmd_id in cmd_ids:
            self._unresolved.sent(cmd_id, self._context.clock.monotonic_ns())

    def _settle_all(self, settled: list[Settled]) -> None:
        for command, outcome in settled:
            self._settle(command, outcome)

    def _settle(self, command: Command, outcome: Outcome) -> None:
        """Give an outcome to who waits for it: the caller of `fire`, else the daemon."""
        if outcome.kind is OutcomeKind.EXECUTED and outcome.at_ns:
            self._acted(command.intent.act.output, outcome.at_ns // 1000)
        departure = self._waiting.pop(command.intent.command_id, None)
        if departure is None or departure.nobody_waits:
            self._context.settled(outcome)
        else:
            departure.tell(outcome)

    def answered(self, answer: Answered) -> None:
        if (settled := self._unresolved.answered(answer)) is not None:
            self._settle(*settled)

    def session_up(self, welcome: Welcome) -> None:
        self._settle_all(self._unresolved.session_up(welcome.journal_epoch, self._link.boot, self._now_us()))

    def session_lost(self) -> None:
        self._settle_all(self._unresolved.session_lost())

    def moved(self, count: int) -> None:
        self._unresolved.moved(count, self._now_us())

    def ask(self) -> None:
        """QUERY what is due."""
        for cmd_id in self._unresolved.to_ask(self._now_us(), self._link.room - ROOM_FOR_ORDERS):
            self._link.query(cmd_id)

    def next_deadline(self) -> int | None:
        return self._unresolved.next_deadline()

    def stop(self) -> None:
        """Take no more acts, keep back what has not left, CANCEL what waits on the board."""
        self.is_open = False
        self._departures.refuse_all("stopped")
        for command in self._unresolved.all():
            self._link.cancel(command.intent.command_id)

    def abandon(self) -> None:
        """What has no outcome now stays an open intent for the next start; what never left is known not to have run."""
        self.is_open = False
        self._departures.refuse_all("stopped")
        self.depart()
        self.session_lost()
        for departure in self._waiting.values():
            if not departure.nobody_waits:
                departure.tell(LinkDown(f"{self._context.device}: stopped before the outcome was known"))
        self._waiting.clear()

    def _now_us(self) -> int:
        return self._context.clock.monotonic_ns() // 1000


def _not_executed(act: Act, why: str) -> Outcome:
    return Outcome(act, OutcomeKind.NOT_EXECUTED, why)
