"""A board as a `Device`: the link over a serial line, reopened when it is lost, and acts that happen at most once.

One task serves the line; it sleeps until bytes come, someone asks for something, or a deadline of the link is due.
Nothing here
reads a clock but the context's, and nothing waits but through the loop's timers.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ripieno.contracts.driver import Context, Point
from ripieno.contracts.ports import Line
from ripieno.errors import CommandRefused, DeviceError
from ripieno.values import Act, Outcome, Pulse, Setpoint

from .acts import Acts
from .arguments import level_for
from .core import Link
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
        self._levels = Levels()
        self._outgoing = Outgoing()
        self._wake = asyncio.Event()
        self._acts = Acts(context, self._link, self._outputs, settings.counts_per_mm, self._wake.set)
        self._arm_again_us = 0
        self._opened_us = 0
        self._had_session = False

    # The device's promises (contracts.driver.Device).

    async def run(self) -> None:
        """Serve until cancelled. Cancelled, it cancels what is pending, lets setpoints lapse, and closes, within
        0.3 s.
        """
        self._acts.open()
        failures = 0
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
            self._outgoing.clear()
            self._acts.abandon()

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        """Do a pulse at most once; see Acts.fire."""
        return await self._acts.fire(pulse, note)

    def withdraw(self, act: Act) -> None:
        """CANCEL it if it has left, keep it back if it has not."""
        self._acts.withdraw(act)

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
        self._acts.depart()
        self._acts.ask()
        self._levels.serve(link, now_us)
        if self._settings.rearm == "auto":
            self._arm_if_needed(now_us)
        self._acts.begun(self._outgoing.drain(line))
        if not self._outgoing:
            self._outgoing.put(link.poll(now_us), link.acts_polled)
            self._acts.begun(self._outgoing.drain(line))
        if not self._had_session and now_us - self._opened_us > UNANSWERED_US and not link.is_refused:
            self._reports.down(f"{self._settings.port} is open, but no board answers at {self._settings.baud} baud")

    async def _sleep(self) -> None:
        now_us, link = self._now_us(), self._link
        if self._outgoing:
            deadline: int | None = now_us + STUCK_US
        else:
            deadlines = (link.next_deadline(now_us), self._acts.next_deadline(), self._levels.next_deadline(link))
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
        self._acts.stop()
        self._levels.let_lapse(self._link)
        self._levels = Levels()
        try:
            async with asyncio.timeout(FAREWELL_S):
                while self._link.is_up:
                    self._turn(line, inbox)
                    if self._link.is_idle and not self._outgoing and self._acts.are_settled:
                        return
                    await self._sleep()
        except (TimeoutError, DeviceError):
            return

    # What comes in and what leaves.

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Up):
                self._had_session = True
                self._arm_again_us = 0
                self._reports.up(event.welcome.journal_epoch)
                self._acts.session_up(event.welcome)
                self._levels.renew_all(self._now_us())
            elif isinstance(event, Down):
                self._outgoing.clear()
                self._acts.session_lost()
                self._reports.down(event.why)
            elif isinstance(event, Refused):
                self._reports.down(event.why)
            elif isinstance(event, Answered):
                self._acts.answered(event)
            elif isinstance(event, Sampled):
                self._acts.moved(event.count)
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
