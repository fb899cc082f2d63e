"""A board as a `Device`: the service of a link (service.py) on the loop, its line reopened when it is lost.

One task serves the line; it sleeps until bytes come, someone asks for something, or a deadline is due. Nothing here
reads a clock but the context's, and nothing waits but through the loop's timers.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ripieno.contracts.driver import Context
from ripieno.contracts.ports import Line
from ripieno.errors import DeviceError, LinkDown, StorageError
from ripieno.values import Act, Outcome, OutcomeKind, Pulse, Setpoint

from .inbox import Drops, Inbox
from .service import Service
from .settings import LinkSettings

FAREWELL_S: Final = 0.3
NOISE_US: Final = 10_000
"""Noise is looked at this often; else a flood of it would wake the loop a thousand times a second."""
GRAIN_US: Final = 1_000
"""No sleep is shorter: a deadline that has passed but cannot be served yet must not spin the loop, nor one that
uvloop, whose timers have this grain, comes to a little too early.
"""


class LinkDevice:
    """One board. Made by the driver, run once."""

    def __init__(self, settings: LinkSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._wake = asyncio.Event()
        self._opened: tuple[Line, Inbox] | None = None
        self.service = Service(settings, context, self._wake)

    async def run(self) -> None:
        """Serve until cancelled. Cancelled, it cancels what is pending, lets setpoints lapse, and closes, within
        0.3 s.
        """
        self.service.acts.open()
        try:
            while True:
                try:
                    await self._converse()
                except DeviceError as error:
                    retry_s = self.service.lost(str(error))
                await self._context.clock.sleep(retry_s)
        finally:
            self.service.abandon()

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        """Do a pulse at most once; the outcome follows section 5 of the protocol.

        An outcome that comes after this was cancelled goes to `context.settled`.

        Raises:
            LinkDown: the device was stopped before the outcome was known; the intent stays open and the next start
            resolves it.
        """
        if (why := await self._due(pulse)) is not None:
            return Outcome(pulse.act, OutcomeKind.NOT_EXECUTED, why)
        acts, future = self.service.acts, asyncio.get_running_loop().create_future()

        def tell(outcome: Outcome | LinkDown) -> None:
            if isinstance(outcome, LinkDown):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        departure = acts.begin(pulse, note, tell)
        if isinstance(departure, Outcome):
            return departure
        try:
            await self._context.intents.write(departure.command.intent)
        except StorageError:
            acts.is_refused(departure, "storage")
        except BaseException:
            acts.is_refused(departure, "cancelled before it was sent", nobody_waits=True)
            raise
        else:
            acts.is_durable(departure)
            self._turn_ahead()
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            departure.nobody_waits = True
            if future.done() and not future.cancelled() and future.exception() is None:
                self._context.settled(future.result())
            raise

    def withdraw(self, act: Act) -> None:
        """CANCEL it if it has left, keep it back if it has not."""
        self.service.withdraw(act)

    def set(self, setpoint: Setpoint) -> None:
        """Keep a value and renew it while the channel is armed; raises CommandRefused, see Service.set."""
        self.service.set(setpoint)

    def rearm(self) -> None:
        """Arm the bound outputs; said, and not kept for later, when that is not possible now."""
        self.service.rearm()

    def estop(self, reason: int = 0) -> None:
        """Stop every output of the board at once and until a person resets it."""
        self.service.estop(reason)

    async def _due(self, pulse: Pulse) -> str | None:
        """Wait until a pulse is near enough to be sent; return why it will not be, None: now."""

        def tell(why: str | None) -> None:
            if not due.done():
                due.set_result(why)

        held = self.service.held(pulse, lambda: tell(None), tell)
        if held is None:
            return None
        due: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        try:
            return await due
        finally:
            self.service.holding.leave(held)

    async def _converse(self) -> None:
        """Open the line and serve it until it is lost."""
        inbox = Inbox(_Heard(self.service, self._wake), lambda: self._context.clock.monotonic_ns() // 1000)
        line = await self._context.lines.open(self._settings.port, self._settings.baud, inbox.take, inbox.take_loss)
        drops = Drops(inbox, lambda text: self._context.say(f"{self._context.device}: {text}"))
        self.service.opened()
        self._opened = line, inbox
        try:
            while True:
                self.service.turn(line, inbox)
                drops.look(self._context.clock.monotonic_ns() // 1000)
                await self._sleep()
        except asyncio.CancelledError:
            await self._farewell(line, inbox)
            raise
        finally:
            self._opened = None
            line.close()
            drops.look(self._context.clock.monotonic_ns() // 1000, ends=True)

    def _turn_ahead(self) -> None:
        """Take a turn now, not when the loop comes to the task that serves the line: 30 us on the way of an act."""
        if self._opened is None:
            return
        try:
            self.service.turn(*self._opened)
        except DeviceError:
            return  # the task's own turn finds the same

    async def _sleep(self) -> None:
        deadline_us = self.service.deadline_us()
        timer, now_us = None, self._context.clock.monotonic_ns() // 1000
        if self.service.is_noisy:
            deadline_us = min(deadline_us or now_us + NOISE_US, now_us + NOISE_US)
        if deadline_us is not None:
            delay_us = max(deadline_us - now_us, 0) // GRAIN_US * GRAIN_US + GRAIN_US
            timer = asyncio.get_running_loop().call_later(delay_us / 1e6, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self._wake.clear()

    async def _farewell(self, line: Line, inbox: Inbox) -> None:
        """Leave the outputs safe, as far as 0.3 s allow; what stays is the board's own hold, span and lease."""
        self.service.leave()
        try:
            async with asyncio.timeout(FAREWELL_S):
                while not self.service.has_left:
                    self.service.turn(line, inbox)
                    if not self.service.has_left:
                        await self._sleep()
        except (TimeoutError, DeviceError):
            return


class _Heard:
    """Wakes the task when bytes have come, but for noise: that is looked at when its time is over."""

    def __init__(self, service: Service, wake: asyncio.Event) -> None:
        self._service = service
        self._wake = wake

    def set(self) -> None:
        if not self._service.is_noisy:
            self._wake.set()
