"""A G-code controller as a `Device`. One task has the line; at most one line is unanswered at any time.

What is due is done in this order: ends of pulses, pulses, setpoints, reports.
"""

from __future__ import annotations

import asyncio
import math
from typing import Final

from ripieno.contracts.driver import Context
from ripieno.errors import CommandRefused, DeviceError
from ripieno.values import Act, Outcome, OutcomeKind, Pulse, Setpoint
from ripieno_drivers.acts import Order, Orders
from ripieno_drivers.serial_line import EIGHT_N_ONE, Channel, Standing, keep_open

from .answers import Kind
from .reports import Reports
from .settings import GcodePoint, GcodeSettings
from .talk import Talk
from .wire import HOLD, SOFT_RESET, STATUS, filled

RESENDS: Final = 3
AGAIN_S: Final = 0.5
FAREWELL_S: Final = 0.8
FINISH: Final = {"marlin": "M400", "grbl": "G4 P0"}
"""Taken only when all motion before it has ended."""


class _Level:
    def __init__(self, point: GcodePoint) -> None:
        self.point = point
        self.wanted, self.lease_s = point.safe, math.inf
        self.due_ns: int | None = 0


class GcodeDevice:
    """One controller. Made by the driver, run once."""

    def __init__(self, settings: GcodeSettings, context: Context) -> None:
        self._settings, self._context = settings, context
        self._standing = Standing(context)
        self._channel: Channel | None = None
        self._orders = Orders(context, self._wake, settings.rearm)
        self._reports = Reports(context, settings)
        self._ends: dict[str, int] = {}
        self._pulses: dict[str, GcodePoint] = {p.name: p.settings for p in context.points if p.kind == "pulse"}
        self._levels = {p.name: _Level(p.settings) for p in context.points if p.kind == "setpoint"}
        self._report_ns = 0

    async def run(self) -> None:
        """Serve until cancelled. Cancelled, it ends pulses, sets safe values, and stops grbl's motion, within 0.8 s."""
        one = self._settings
        self._orders.resolve_earlier()
        try:
            await keep_open(self._context, one.port, one.baud, EIGHT_N_ONE, self._standing, self._serve)
        finally:
            self._orders.down("stopped")

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        point = self._pulses.get(pulse.output)
        if point is not None and filled(point, pulse.value) is None:
            why = f"value {pulse.value:g} is outside {point.low:g} to {point.high:g}"
            return Outcome(pulse.act, OutcomeKind.NOT_EXECUTED, why)
        return await self._orders.fire(pulse, note)

    def withdraw(self, act: Act) -> None:
        self._orders.withdraw(act)

    def set(self, setpoint: Setpoint) -> None:
        """Take a value; sent when the line is free and outputs may move."""
        level = self._levels.get(setpoint.output)
        if level is None:
            raise CommandRefused(f"{self._context.device}: no setpoint output is called {setpoint.output}")
        if filled(level.point, setpoint.value) is None or not setpoint.lease_s > 0:
            bounds = f"{level.point.low:g} to {level.point.high:g}"
            raise CommandRefused(f"{self._context.device}: {setpoint.output}: {setpoint.value:g} is outside {bounds}")
        level.wanted, level.lease_s = setpoint.value, setpoint.lease_s
        level.due_ns = self._now_ns()
        self._wake()

    def rearm(self) -> None:
        self._orders.rearm()
        self._renew()

    # The line.

    async def _serve(self, channel: Channel) -> None:
        talk = Talk(channel, self._context.clock, self._settings.dialect, self._reports.take)
        self._channel = channel
        try:
            await self._greet(talk)
            self._reports.begin()
            self._ends |= dict.fromkeys((name for name, point in self._pulses.items() if point.end), self._now_ns())
            self._standing.up()
            self._orders.up()
            self._renew()
            while True:
                if not await self._turn(talk):
                    await talk.hear(self._idle_s())
        except asyncio.CancelledError:
            await self._farewell(talk)
            raise
        finally:
            self._channel = None
            self._orders.down("the controller is lost")

    async def _greet(self, talk: Talk) -> None:
        """Reach a known state: grbl is reset (a half line in its buffer is gone), Marlin's line numbers begin anew."""
        one = self._settings
        if one.dialect == "grbl":
            await talk.realtime(SOFT_RESET)
            if not await talk.wait_for_reset(one.boot_s):
                raise DeviceError(f"{one.port} is open, but no grbl answers at {one.baud} baud")
        else:
            await self._number(talk)
        for line in one.begin:
            answer = await talk.ask(line, max(one.answer_s, one.boot_s))
            if answer.kind is not Kind.OK:
                raise DeviceError(f"the line `{line}` at the start: {answer.kind.value}: {answer.text}")

    async def _number(self, talk: Talk) -> None:
        """Ask until it answers: opening the port resets many a board, and what comes while it boots is lost."""
        one, until_ns = self._settings, self._now_ns() + round(self._settings.boot_s * 1e9)
        while self._now_ns() < until_ns:
            answer = await talk.number_from_here(min(1.0, one.boot_s))
            if answer.kind is Kind.OK:
                await talk.quiet()
                return
            await talk.quiet()
        raise DeviceError(f"{one.port} is open, but no Marlin answers at {one.baud} baud")

    async def _turn(self, talk: Talk) -> bool:
        now_ns = self._now_ns()
        for name, due_ns in self._ends.items():
            if due_ns <= now_ns:
                await self._end(talk, name)
                return True
        if (order := self._orders.take()) is not None:
            await self._pulse(talk, order)
            return True
        for level in self._levels.values():
            if level.due_ns is not None and level.due_ns <= now_ns:
                await self._level(talk, level)
                return True
        if self._report_ns <= now_ns and self._reports.are_wanted:
            self._report_ns = now_ns + round(self._settings.report_every_s * 1e9)
            await self._ask_reports(talk)
            return True
        return False

    def _idle_s(self) -> float:
        due_ns = [*self._ends.values(), *(one.due_ns for one in self._levels.values() if one.due_ns is not None)]
        if self._reports.are_wanted:
            due_ns.append(self._report_ns)
        if (next_ns := self._orders.next_due_ns()) is not None:
            due_ns.append(next_ns)
        return max(0.0005, (min(due_ns) - self._now_ns()) / 1e9) if due_ns else 1.0

    async def _pulse(self, talk: Talk, order: Order) -> None:
        kind, why = OutcomeKind.NOT_EXECUTED, "stopped before it was sent"
        try:
            kind, why = await self._do(talk, order)
        except DeviceError as error:
            kind, why = (OutcomeKind.IN_DOUBT if order.sent_ns or talk.sent_ns else kind), str(error)
            raise
        except asyncio.CancelledError:
            if order.sent_ns or talk.sent_ns:
                kind, why = OutcomeKind.IN_DOUBT, "stopped before its outcome was known"
            raise
        finally:
            order.sent_ns = order.sent_ns or talk.sent_ns
            point = self._pulses[order.pulse.output]
            if point.end and order.sent_ns:
                self._ends[order.pulse.output] = order.sent_ns + round(order.pulse.hold_s * 1e9)
            self._orders.settle(order, kind, why)
        if kind is OutcomeKind.IN_DOUBT:
            raise DeviceError(f"lost in mid-command: {why}")  # begin again from a known state

    async def _do(self, talk: Talk, order: Order) -> tuple[OutcomeKind, str]:
        point, one = self._pulses[order.pulse.output], self._settings
        command = filled(point, order.pulse.value)
        assert command is not None, "fire has looked"
        try:
            agreed = await talk.agree(one.answer_s)
        finally:
            talk.sent_ns = 0  # nothing of the act has left
        if not agreed:
            raise DeviceError("the controller gives no plain answer")  # nothing was sent: begin again
        for _ in range(RESENDS):
            if order.refused or self._now_ns() > order.closes_ns:
                return OutcomeKind.NOT_EXECUTED, order.refused or "late: its window had passed"
            answer = await talk.ask(command, one.answer_s)
            number, order.sent_ns = talk.asked, talk.sent_ns
            refusal = answer.text if answer.kind is Kind.REFUSED else ""
            if one.dialect == "marlin" and answer.kind not in (Kind.RESET, Kind.HALTED):
                # Neither `ok` nor, when it is late, `Resend` tells whose it is. What the next number meets does.
                answer = await talk.find_out(number, one.answer_s)
                if refusal and answer.kind is Kind.OK and _is_about(refusal, command):
                    return OutcomeKind.NOT_EXECUTED, refusal
            if answer.kind is not Kind.RESEND:
                break
            order.sent_ns = talk.sent_ns = 0  # it says itself that it has not taken it: it may be sent again
        if answer.kind is Kind.REFUSED:
            return OutcomeKind.NOT_EXECUTED, answer.text
        if answer.kind is Kind.RESEND:
            return OutcomeKind.NOT_EXECUTED, f"lost or damaged on the way {RESENDS} times"
        if answer.kind is Kind.OK and point.waits == "finish":
            answer = await talk.ask(FINISH[one.dialect], one.finish_s)
            talk.sent_ns = order.sent_ns
        if answer.kind is Kind.OK:
            return OutcomeKind.EXECUTED, ""
        return OutcomeKind.IN_DOUBT, f"{answer.kind.value}: {answer.text}" if answer.text else answer.kind.value

    async def _end(self, talk: Talk, name: str) -> None:
        """End a pulse: absolute, so it is sent until it is taken."""
        self._ends[name] = self._now_ns() + round(AGAIN_S * 1e9)
        if await self._sent(talk, self._pulses[name].end):
            del self._ends[name]

    async def _level(self, talk: Talk, level: _Level) -> None:
        """Send a value, the safe one while nothing may move: absolute, so it is renewed."""
        may_move = self._orders.may_move
        value = level.wanted if may_move else level.point.safe
        level.due_ns = self._now_ns() + round(AGAIN_S * 1e9)
        command = filled(level.point, value)
        assert command is not None, "set has looked"
        if await self._sent(talk, command) and value == (level.wanted if may_move else level.point.safe):
            lease_s = level.lease_s if may_move else math.inf
            level.due_ns = None if math.isinf(lease_s) else self._now_ns() + round(lease_s / 3 * 1e9)

    async def _sent(self, talk: Talk, command: str) -> bool:
        """Send what is not a pulse; return whether it was taken. Raises DeviceError when the controller is lost."""
        answer = await talk.ask(command, self._settings.answer_s)
        if answer.kind in (Kind.RESET, Kind.HALTED, Kind.SILENT):
            raise DeviceError(f"`{command}`: {answer.kind.value}: {answer.text}")
        if answer.kind is Kind.REFUSED:
            self._reports.say_once(f"`{command}` is refused: {answer.text}")
        return answer.kind is Kind.OK

    async def _ask_reports(self, talk: Talk) -> None:
        self._reports.expect()
        if self._settings.dialect == "grbl":
            if not await talk.realtime(STATUS):
                raise DeviceError("the line takes nothing")
            until_ns = self._now_ns() + round(self._settings.answer_s * 1e9)
            while self._reports.is_expecting:
                if self._now_ns() >= until_ns:
                    raise DeviceError("the controller does not answer `?`")
                await talk.hear((until_ns - self._now_ns()) / 1e9 + 1e-6)
        else:
            for command in self._reports.marlin_asks:
                await self._sent(talk, command)
        self._reports.publish()

    async def _farewell(self, talk: Talk) -> None:
        """Leave it safe, as far as the time allows."""
        self._orders.down("stopped")
        try:
            async with asyncio.timeout(FAREWELL_S):
                if self._settings.dialect == "grbl":
                    # Feed hold keeps the position, the reset behind it switches spindle and coolant off.
                    await talk.realtime(HOLD)
                    await self._context.clock.sleep(FAREWELL_S / 4)
                    await talk.realtime(SOFT_RESET)
                    return
                for command in self._safe_commands():
                    for _ in range(RESENDS):
                        if await self._sent(talk, command):
                            break
        except (TimeoutError, DeviceError):
            return

    def _safe_commands(self) -> list[str]:
        ends = [self._pulses[name].end for name in self._ends]
        return ends + [filled(level.point, level.point.safe) or "" for level in self._levels.values()]

    def _renew(self) -> None:
        for level in self._levels.values():
            level.due_ns = self._now_ns()
        self._wake()

    def _now_ns(self) -> int:
        return self._context.clock.monotonic_ns()

    def _wake(self) -> None:
        if self._channel is not None:
            self._channel.wake()


def _is_about(refusal: str, command: str) -> bool:
    """Whether a refusal is our command's: noise on the line is an unknown command, too."""
    return "unknown command" not in refusal.lower() or f'"{command}"' in refusal
