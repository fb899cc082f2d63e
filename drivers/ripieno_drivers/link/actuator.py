"""A board as a `Device`: the link over a serial line, reopened when it is lost, and acts that happen at most once.

One task serves the line; it sleeps until bytes come, someone asks for something, or a deadline of the link is due.
Nothing here
reads a clock but the context's, and nothing waits but through the loop's timers.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ripieno.contracts.driver import Context, Intent, Point
from ripieno.contracts.ports import Line
from ripieno.errors import CommandRefused, DeviceError, LinkDown, StorageError
from ripieno.values import Act, Outcome, OutcomeKind, Pulse, Setpoint

from .arguments import level_for, order_for
from .commands import Command, Settled, Unresolved
from .core import Link
from .departures import Departure, Departures
from .events import Answered, Down, Event, Happened, Refused, Sampled, Stopped, Up
from .inbox import Inbox
from .levels import Levels
from .messages import EventKind
from .outgoing import Outgoing
from .reports import Reports
from .settings import LinkSettings

RETRY_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
FAREWELL_S: Final = 0.3
UNANSWERED_US: Final = 2_000_000
STUCK_US: Final = 2_000
"""When a line took less than it was given, try again after this."""
GRAIN_US: Final = 200
"""No sleep is shorter: a deadline that has passed but cannot be served yet must not spin the loop."""
ARM_AGAIN_US: Final = 500_000
ARM_ANSWERED_US: Final = 10_000_000
"""A board that answers ARM without arming all it was asked for is asked again, but rarely."""
MAX_UNRESOLVED: Final = 256
ROOM_FOR_ORDERS: Final = 16
"""QUERYs leave this much of the link's queue to acts and stops."""
_MAX_ID: Final = 0xFFFF_FFFF


class LinkDevice:
    """One board. Made by the driver, run once."""

    def __init__(self, settings: LinkSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._outputs: dict[str, Point] = {p.name: p for p in context.points if p.kind in ("pulse", "setpoint")}
        self._mask = 0
        for point in self._outputs.values():
            if point.settings.channel is not None:
                self._mask |= 1 << point.settings.channel & 0xFFFF
        uid = bytes.fromhex(settings.uid) if settings.uid else None
        self._link = Link(baud=settings.baud, nonce=self._nonce, uid=uid, config_crc=settings.config_crc)
        self._reports = Reports(context, settings.counts_per_mm)
        self._unresolved = Unresolved(settings.counts_per_mm)
        self._departures = Departures()
        self._waiting: dict[int, Departure] = {}
        self._levels = Levels()
        self._outgoing = Outgoing()
        self._wake = asyncio.Event()
        self._highest = 0
        self._arm_again_us = 0
        self._opened_us = 0
        self._had_session = False
        self._serving = False

    # The device's promises (contracts.driver.Device).

    async def run(self) -> None:
        """Serve until cancelled. Cancelled, it cancels what is pending, lets setpoints lapse, and closes, within
        0.3 s.
        """
        intents = self._context.intents
        for intent in intents.open(self._context.device):
            self._unresolved.add(Command(intent, None))
        self._highest = intents.highest(self._context.device)
        failures = 0
        self._serving = True
        try:
            while True:
                self._had_session = False
                try:
                    await self._converse()
                except DeviceError as error:
                    self._handle(self._link.lost(self._now_us(), str(error)))
                    self._reports.down(str(error))
                failures = 0 if self._had_session else failures + 1
                await self._context.clock.sleep(RETRY_S[min(failures, len(RETRY_S)) - 1 if failures else 0])
        finally:
            self._serving = False
            self._abandon()

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        """Do a pulse at most once; the outcome follows section 5 of the protocol.

        An outcome that comes after this was cancelled goes to `context.settled`.

        Raises:
            LinkDown: the device was stopped before the outcome was known; the intent stays open and the next start
            resolves it.
        """
        link, welcome, point = self._link, self._link.welcome, self._outputs.get(pulse.output)
        if not self._serving or not link.is_up or welcome is None:
            return _not_executed(pulse.act, "link down")
        if point is None or point.kind != "pulse":
            return _not_executed(pulse.act, f"no pulse output is called {pulse.output}")
        order = order_for(pulse, point.settings, self._settings.counts_per_mm, link, self._now_us())
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
        future = asyncio.get_running_loop().create_future()
        departure = Departure(Command(intent, order, welcome.boot_id), order, welcome, future)
        self._waiting[cmd_id] = departure
        self._departures.enter(departure)
        try:
            await self._context.intents.write(intent)
        except StorageError:
            departure.refused = departure.refused or "storage"
        except BaseException:
            departure.refused, departure.nobody_waits = "cancelled before it was sent", True
            self._depart()
            raise
        departure.is_durable = True
        self._depart()
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            departure.nobody_waits = True
            if future.done() and not future.cancelled() and future.exception() is None:
                self._context.settled(future.result())
            raise

    def withdraw(self, act: Act) -> None:
        """CANCEL it if it has left, keep it back if it has not."""
        if self._departures.withdraw(act):
            self._depart()
            return
        for command in self._unresolved.all():
            if command.intent.act == act:
                self._link.cancel(command.intent.command_id)
                self._wake.set()

    def set(self, setpoint: Setpoint) -> None:
        """Keep a value and renew it while the channel is armed.

        Raises:
            CommandRefused: the output is not a setpoint of this device, or a number does not fit.
        """
        point = self._outputs.get(setpoint.output)
        if point is None or point.kind != "setpoint":
            raise CommandRefused(f"{self._context.device}: no setpoint output is called {setpoint.output}")
        level = level_for(setpoint, point.settings)
        if isinstance(level, str):
            raise CommandRefused(f"{self._context.device}: {level}")
        self._levels.put(*level, self._now_us())
        self._wake.set()

    def rearm(self) -> None:
        """Arm the bound outputs; said, and not kept for later, when that is not possible now."""
        if self._link.is_up and self._link.is_stopped:
            self._say("not armed: an emergency stop is latched; only a reset or the board's own button clears it")
        elif not self._link.arm(self._mask):
            self._say("not armed: there is no session with the board")
        self._wake.set()

    def estop(self, reason: int = 0) -> None:
        """Stop every output of the board at once and until a person resets it; repeated until the board confirms
        it.
        """
        self._link.estop(reason)
        self._wake.set()

    # The line.

    async def _converse(self) -> None:
        """Open the line and serve it until it is lost."""
        inbox = Inbox(self._wake, self._now_us)
        line = await self._context.lines.open(self._settings.port, self._settings.baud, inbox.take, inbox.take_loss)
        self._opened_us = self._now_us()
        try:
            while True:
                self._turn(line, inbox)
                await self._sleep()
        except asyncio.CancelledError:
            await self._farewell(line, inbox)
            raise
        finally:
            line.close()

    def _turn(self, line: Line, inbox: Inbox) -> None:
        """Handle what has come, ask for what is due, write what the line takes."""
        link = self._link
        for received, at_us in inbox.emptied():
            self._handle(link.receive(received, at_us))
        if inbox.loss:
            raise DeviceError(inbox.loss)
        now_us = self._now_us()
        self._handle(link.receive(b"", now_us))
        self._depart()
        for cmd_id in self._unresolved.to_ask(now_us, link.room - ROOM_FOR_ORDERS):
            link.query(cmd_id)
        self._levels.serve(link, now_us)
        if self._settings.rearm == "auto":
            self._arm_if_needed(now_us)
        self._begun(self._outgoing.drain(line))
        if not self._outgoing:
            self._outgoing.put(link.poll(now_us), link.acts_polled)
            self._begun(self._outgoing.drain(line))
        if not self._had_session and now_us - self._opened_us > UNANSWERED_US and not link.is_refused:
            self._reports.down(f"{self._settings.port} is open, but no board answers at {self._settings.baud} baud")

    async def _sleep(self) -> None:
        now_us, link = self._now_us(), self._link
        if self._outgoing:
            deadline: int | None = now_us + STUCK_US
        else:
            deadlines = (link.next_deadline(now_us), self._unresolved.next_deadline(), self._levels.next_deadline(link))
            deadline = min((at_us for at_us in deadlines if at_us is not None), default=None)
        timer = None
        if deadline is not None:
            delay_s = (max(deadline - now_us, GRAIN_US) + 1) / 1e6
            timer = asyncio.get_running_loop().call_later(delay_s, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self._wake.clear()

    async def _farewell(self, line: Line, inbox: Inbox) -> None:
        """Leave the outputs safe, as far as 0.3 s allow; what stays is the board's own hold, span and lease."""
        self._serving = False
        self._departures.refuse_all("stopped")
        for command in self._unresolved.all():
            self._link.cancel(command.intent.command_id)
        self._levels.let_lapse(self._link)
        self._levels = Levels()
        try:
            async with asyncio.timeout(FAREWELL_S):
                while self._link.is_up:
                    self._turn(line, inbox)
                    if self._link.is_idle and not self._outgoing and not len(self._unresolved):
                        return
                    await self._sleep()
        except (TimeoutError, DeviceError):
            return

    def _abandon(self) -> None:
        """What has no outcome now stays an open intent for the next start; what never left is known not to have
        run.
        """
        self._departures.refuse_all("stopped")
        self._depart()
        self._outgoing.clear()
        for command, outcome in self._unresolved.session_lost():
            self._settle(command, outcome)
        for departure in self._waiting.values():
            if not departure.nobody_waits:
                departure.outcome.set_exception(
                    LinkDown(f"{self._context.device}: stopped before the outcome was known")
                )
        self._waiting.clear()

    # What comes in and what leaves.

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Up):
                self._had_session = True
                epoch, boot_id = event.welcome.journal_epoch, event.welcome.boot_id
                self._arm_again_us = 0
                self._reports.up(epoch)
                self._settle_all(self._unresolved.session_up(epoch, boot_id, self._now_us()))
                self._levels.renew_all(self._now_us())
            elif isinstance(event, Down):
                self._outgoing.clear()
                self._settle_all(self._unresolved.session_lost())
                self._reports.down(event.why)
            elif isinstance(event, Refused):
                self._reports.down(event.why)
            elif isinstance(event, Answered):
                if (settled := self._unresolved.answered(event)) is not None:
                    self._settle(*settled)
            elif isinstance(event, Sampled):
                self._unresolved.moved(event.count, self._now_us())
                self._reports.sampled(event, self._epoch)
            elif isinstance(event, Happened):
                self._reports.happened(event, self._link, self._epoch)
                if event.kind is EventKind.REFUSED and event.number > 1:
                    self._levels.drop(event.source)
                elif event.kind is EventKind.SAFE:
                    self._arm_again_us = 0
                elif event.kind is EventKind.ARMED:
                    self._arm_again_us = self._now_us() + ARM_ANSWERED_US
                    self._levels.renew_all(self._now_us())
            elif isinstance(event, Stopped):
                self._say("the board confirms the emergency stop")

    def _depart(self) -> None:
        """Hand the acts whose turn it is to the link. The one place where an act leaves."""
        link = self._link
        for departure in self._departures.ready():
            command, why = departure.command, departure.refused
            if not why and not (self._serving and link.is_up and link.welcome is departure.session):
                why = "link down"  # the numbers were made for that session's clock
            elif not why and departure.order.has_closed(self._now_us(), link.count):
                why = "storage"  # its intent became durable too late
            elif not why and not link.act(command.intent.command_id, departure.order.args):
                why = "the link's queue is full"
            if why:
                self._settle(command, command.outcome(OutcomeKind.NOT_EXECUTED, why))
            else:
                self._unresolved.add(command)
                self._wake.set()

    def _begun(self, cmd_ids: list[int]) -> None:
        for cmd_id in cmd_ids:
            self._unresolved.sent(cmd_id, self._context.clock.monotonic_ns())

    def _settle_all(self, settled: list[Settled]) -> None:
        for command, outcome in settled:
            self._settle(command, outcome)

    def _settle(self, command: Command, outcome: Outcome) -> None:
        """Give an outcome to who waits for it: the caller of `fire`, else the daemon."""
        departure = self._waiting.pop(command.intent.command_id, None)
        if departure is None or departure.nobody_waits:
            self._context.settled(outcome)
        else:
            departure.outcome.set_result(outcome)

    def _arm_if_needed(self, now_us: int) -> None:
        """`rearm: auto`: after the burst of PINGs, and again when the board fell safe by itself; never over an
        e-stop.
        """
        link = self._link
        wanted = link.is_synced and not link.is_stopped and link.armed & self._mask != self._mask
        if wanted and now_us >= self._arm_again_us and link.arm(self._mask):
            self._arm_again_us = now_us + ARM_AGAIN_US

    @property
    def _epoch(self) -> int:
        return self._link.welcome.journal_epoch if self._link.welcome else 0

    def _now_us(self) -> int:
        return self._context.clock.monotonic_ns() // 1000

    def _nonce(self) -> int:
        return int.from_bytes(self._context.entropy.token(4), "little")

    def _say(self, text: str) -> None:
        self._context.say(f"{self._context.device}: {text}")


def _not_executed(act: Act, why: str) -> Outcome:
    return Outcome(act, OutcomeKind.NOT_EXECUTED, why)
