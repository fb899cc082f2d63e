"""Everything that a board's driver does but wait: the link, its acts and levels, the bytes that leave.

Whoever runs it opens the line, calls `turn` when something has come, when `wake` was set or when `deadline_us` is due,
and `lost` when the line is gone. Nothing here waits or reads a clock but the context's: the device runs it on a loop
(actuator.py), a simulation in virtual time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Final

from ripieno.contracts.driver import Context, Point
from ripieno.contracts.ports import Line
from ripieno.errors import CommandRefused, DeviceError
from ripieno.values import Act, Pulse, Setpoint, Trigger

from .acts import Acts
from .arguments import Order, level_for, order_for
from .confirming import Confirming
from .core import Link
from .events import Answered, Down, Event, Happened, Refused, Sampled, Slowed, Stopped, Up
from .holding import Held, Holding
from .inbox import Inbox, Wakes
from .levels import Levels
from .messages import EventKind
from .names import is_pattern
from .outgoing import Outgoing
from .reports import Reports
from .settings import LinkSettings

OUTPUTS: Final = ("pulse", "setpoint", "indicator")
RETRY_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
UNANSWERED_US: Final = 2_000_000
STUCK_US: Final = (2_000, 20_000)
"""When a line took less than it was given, try again after this; twice as long each time that it takes nothing."""
NOISE_BYTES: Final = 256
"""So much without a whole frame, the longest of which has 73 bytes, is noise."""
FARTHEST_US: Final = 1 << 31
"""A board time further ahead has another meaning: its clock has 32 bits."""
ROAM_US: Final = 500_000
"""A board answers one of 20 HELLOs; then the next port that matches is asked."""
ARM_AGAIN_US: Final = 500_000
ARM_ANSWERED_US: Final = 10_000_000
"""A board that answers ARM without arming all it was asked for is asked again, but rarely."""


class Service:
    """One board. `wake.set()` is called when there is something to do before `deadline_us`."""

    def __init__(self, settings: LinkSettings, context: Context, wake: Wakes) -> None:
        self._settings = settings
        self._context = context
        self._wake = wake
        self._outputs: dict[str, Point] = {p.name: p for p in context.points if p.kind in OUTPUTS}
        self._mask = _channels(self._outputs.values())
        by_person = [
            p
            for p in self._outputs.values()
            if p.kind != "indicator" and (p.settings.rearm or settings.rearm) == "person"
        ]
        self._auto_mask = self._mask & ~_channels(by_person)
        self._roams = is_pattern(settings.port)
        uid = bytes.fromhex(settings.uid) if settings.uid else None
        self.link = Link(baud=settings.baud, nonce=self._nonce, uid=uid, config_crc=settings.config_crc)
        self._confirming = Confirming(context.points)
        acted = self._confirming.acted
        self.acts = Acts(context, self.link, self._outputs, settings.counts_per_mm, wake.set, acted)
        self.holding = Holding(settings.counts_per_mm)
        self.outgoing = Outgoing()
        self._reports = Reports(context, settings.counts_per_mm)
        self._levels = Levels()
        self._arm_again_us = 0
        self._opened_us = 0
        self._had_session = False
        self._failures = 0
        self._stuck_us = STUCK_US[0]
        self._noise = 0

    # What the daemon asks for.

    def set(self, setpoint: Setpoint) -> None:
        """Keep a value and renew it while the channel is armed.

        Raises:
            CommandRefused: the output is not a setpoint of this device, or a number does not fit.
        """
        point = self._outputs.get(setpoint.output)
        if point is None or point.kind == "pulse":
            raise CommandRefused(f"{self._context.device}: no setpoint output is called {setpoint.output}")
        level = level_for(setpoint, point.settings)
        if isinstance(level, str):
            raise CommandRefused(f"{self._context.device}: {level}")
        self._levels.put(*level, self._now_us())
        self._wake.set()

    def rearm(self) -> None:
        """Arm all bound outputs, also those that only a person may arm.

        Said, and not kept for later, when that is not possible now.
        """
        if self.link.is_up and self.link.is_stopped:
            self._say("not armed: an emergency stop is latched; only a reset or the board's own button clears it")
        elif not self.link.arm(self._mask):
            self._say("not armed: there is no session with the board")
        self._wake.set()

    def estop(self, reason: int) -> None:
        """Stop every output of the board until a person resets it; repeated until the board confirms it."""
        self.link.estop(reason)
        self._wake.set()

    def held(self, pulse: Pulse, go: Callable[[], None], drop: Callable[[str], None]) -> Held | None:
        """Hold a pulse that is too early to be sent: `go` or `drop` is called later. None: begin it now."""
        welcome, now_us = self.link.welcome, self._now_us()
        at_once = self._settings.release == "at_once"
        if welcome is None or not self.acts.is_open or at_once or not self.holding.wants(pulse, self.link, now_us):
            return None
        if not self._may_ever_be_sent(pulse, now_us):
            return None  # refused at once, not when it is due
        held = Held(pulse, welcome.journal_epoch, go, drop)
        self.holding.enter(held)
        self._wake.set()
        return held

    def _may_ever_be_sent(self, pulse: Pulse, now_us: int) -> bool:
        """Say whether its numbers fit the board; how certain the clock is will be asked when it is due."""
        point = self._outputs.get(pulse.output)
        if point is None or point.kind != "pulse":
            return False
        if pulse.trigger is Trigger.TIME and pulse.begin < (now_us + FARTHEST_US) * 1000:
            pulse = replace(pulse, begin=now_us * 1000)
        order = order_for(pulse, point.settings, self._settings.counts_per_mm, self.link, now_us)
        return isinstance(order, Order)

    def withdraw(self, act: Act) -> None:
        """CANCEL it if it has left, keep it back if it has not."""
        if not self.holding.withdraw(act):
            self.acts.withdraw(act)

    # The line.

    def opened(self) -> None:
        """The line is open."""
        self._opened_us = self._now_us()
        self._had_session = False
        self._noise = 0

    def lost(self, why: str) -> float:
        """The line is gone, or could not be opened; return after how many seconds to open it again."""
        self._handle(self.link.lost(self._now_us(), why))
        self.outgoing.clear()
        self._reports.down(why)
        self._failures = 0 if self._had_session else self._failures + 1
        self._had_session = False
        return RETRY_S[min(self._failures, len(RETRY_S)) - 1 if self._failures else 0]

    def turn(self, line: Line, inbox: Inbox) -> None:
        """Handle what has come, ask for what is due, write what the line takes.

        Raises:
            DeviceError: the line is gone.
        """
        link = self.link
        told_us, heard = -1, link.frames_heard
        for received, told_us in inbox.emptied():
            self._noise += len(received)
            self._handle(link.receive(received, told_us))
        if link.frames_heard != heard:
            self._noise = 0
        if inbox.loss:
            raise DeviceError(inbox.loss)
        now_us = self._now_us()
        if told_us != now_us:
            self._handle(link.receive(b"", now_us))
        for output in self._confirming.look(now_us):
            self._reports.impaired("unmoved", output, self._confirming.doubts.get(output, ""))
        self.holding.release(link, now_us)
        self.acts.depart()
        self.acts.ask()
        self._levels.serve(link, now_us)
        self._arm_if_needed(now_us)
        if self.outgoing:
            self._drain(line)
        if not self.outgoing:
            self.outgoing.put(link.poll(now_us), link.acts_polled)
            if self.outgoing:
                self._drain(line)
        if not self._had_session:
            self._unanswered(now_us - self._opened_us)

    @property
    def is_noisy(self) -> bool:
        """Whether what comes is noise: it need not be looked at as soon as it comes."""
        return self._noise > NOISE_BYTES

    def deadline_us(self) -> int | None:
        """Return when `turn` has something to do if nothing is read before."""
        now_us, link = self._now_us(), self.link
        if self.outgoing:
            return now_us + self._stuck_us
        deadlines = (
            link.next_deadline(now_us),
            self.acts.next_deadline(),
            self.holding.next_deadline(),
            self._levels.next_deadline(link),
        )
        return min((at_us for at_us in deadlines if at_us is not None), default=None)

    def _drain(self, line: Line) -> None:
        waited = len(self.outgoing)
        self.acts.begun(self.outgoing.drain(line))
        is_stuck = len(self.outgoing) == waited
        self._stuck_us = min(2 * self._stuck_us, STUCK_US[1]) if is_stuck else STUCK_US[0]

    def leave(self) -> None:
        """Take no more acts, cancel what waits on the board, let setpoints lapse; then `turn` until `has_left`."""
        self.holding.drop_all("stopped")
        self.acts.stop()
        self._levels.let_lapse(self.link)
        self._levels = Levels()

    @property
    def has_left(self) -> bool:
        """Whether the board has heard all of it, or there is no board to tell."""
        return not self.link.is_up or (self.link.is_idle and not self.outgoing and self.acts.are_settled)

    def abandon(self) -> None:
        """Nothing leaves any more; acts without an outcome stay open intents for the next start."""
        self.outgoing.clear()
        self.holding.drop_all("stopped")
        self.acts.abandon()

    def _unanswered(self, for_us: int) -> None:
        """No board has taken this line for a session yet; where there are other lines, the next one is asked."""
        settings, refused = self._settings, self.link.is_refused
        if self._roams and (refused or for_us > ROAM_US):
            board = f"the board {settings.uid}" if settings.uid else "a board"
            raise DeviceError(f"{settings.port}: {board} answers on none of these ports at {settings.baud} baud")
        if for_us > UNANSWERED_US and not refused:
            self._reports.down(f"{settings.port} is open, but no board answers at {settings.baud} baud")

    # What comes in.

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Up):
                self._had_session = True
                self._arm_again_us = 0
                self.link.slowness.begin()
                self._reports.up(event.welcome.journal_epoch)
                self.holding.session_up(event.welcome, self.link, self._now_us())
                self.acts.session_up(event.welcome)
                self._levels.renew_all(self._now_us())
            elif isinstance(event, Down):
                self.outgoing.clear()
                self.acts.session_lost()
                self._confirming.session_lost()
                self.holding.session_lost(self._now_us())
                self._reports.down(event.why)
            elif isinstance(event, Refused):
                if not self._roams:
                    self._reports.down(event.why)
            elif isinstance(event, Answered):
                self.acts.answered(event)
            elif isinstance(event, Sampled):
                self.acts.moved(event.count)
                self.holding.moved(event.at_us, event.count)
                self._reports.sampled(event, self._epoch)
            elif isinstance(event, Happened):
                self._happened(event)
            elif isinstance(event, Slowed):
                self._reports.impaired("link-slow", "", event.why)
            elif isinstance(event, Stopped):
                self._say("the board confirms the emergency stop")

    def _happened(self, event: Happened) -> None:
        self._reports.happened(event, self.link, self._epoch)
        if event.kind in (EventKind.RISING, EventKind.FALLING):
            self._confirming.edge(event.source, event.kind is EventKind.RISING, event.at_us)
        if event.kind is EventKind.REFUSED and event.number > 1:
            self._levels.drop(event.source)
        elif event.kind is EventKind.SAFE:
            self._arm_again_us = 0
        elif event.kind is EventKind.ARMED:
            self._arm_again_us = self._now_us() + ARM_ANSWERED_US
            self._levels.renew_all(self._now_us())

    def _arm_if_needed(self, now_us: int) -> None:
        """`rearm: auto`: after the burst of PINGs, and again when the board fell safe by itself; never over an
        e-stop, never what waits for a person.
        """
        link, mask = self.link, self._auto_mask
        wanted = link.is_synced and not link.is_stopped and link.armed & mask != mask
        if wanted and now_us >= self._arm_again_us and link.arm(mask):
            self._arm_again_us = now_us + ARM_AGAIN_US

    @property
    def _epoch(self) -> int:
        return self.link.welcome.journal_epoch if self.link.welcome else 0

    def _now_us(self) -> int:
        return self._context.clock.monotonic_ns() // 1000

    def _nonce(self) -> int:
        return int.from_bytes(self._context.entropy.token(4), "little")

    def _say(self, text: str) -> None:
        self._context.say(f"{self._context.device}: {text}")


def _channels(outputs: Iterable[Point]) -> int:
    return reduce(or_, (1 << p.settings.channel for p in outputs if p.settings.channel is not None), 0) & 0xFFFF
