"""A Modbus bus as a `Device`. One task has the bus; it does what is due, the most urgent first:

    coils off, pulses, setpoints, the watchdog, readings

so that a write waits for one transaction at most, and a dead unit delays the others by one time-out.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ripieno.contracts.driver import Context
from ripieno.errors import CommandRefused, DeviceError
from ripieno.values import Act, Outcome, OutcomeKind, Pulse, Setpoint
from ripieno_drivers.acts import Order, Orders
from ripieno_drivers.serial_line import Channel, Framing, Rs485, Standing, keep_open

from .bus import Bus, NoAnswer, Refused
from .frames import READ_COILS, READ_HOLDING, Request, read, write_registers
from .levels import Level
from .polls import Poll
from .pulses import Coil, Told
from .settings import ModbusPoint, ModbusSettings

DOWN_AFTER: Final = 3
"""Time-outs of one unit in a row."""
LOOK_S: Final = 1.0
"""A unit that nothing else is asked of is looked at this often."""
FAREWELL_S: Final = 0.8
STOPPED: Final = "stopped before its outcome was known"


class ModbusDevice:
    """One bus. Made by the driver, run once."""

    def __init__(self, settings: ModbusSettings, context: Context) -> None:
        self._settings, self._context, clock = settings, context, context.clock
        self._standing = Standing(context)
        self._channel: Channel | None = None
        self._orders = Orders(context, self._wake, settings.rearm)
        self._polls = [Poll(one, context) for one in context.points if one.kind == "reading"]
        self._coils = {one.name: Coil(one.settings, clock) for one in context.points if one.kind == "pulse"}
        self._levels = {
            one.name: Level(one.name, one.settings, clock) for one in context.points if one.kind == "setpoint"
        }
        self._watchdog_ns = 0
        self._looks = {one.settings.unit: _look(one.settings) for one in context.points if one.kind != "reading"}
        self._looked_ns = dict.fromkeys(self._looks, 0)
        self._misses = {one.settings.unit: 0 for one in context.points}
        self._unheard = set(self._misses)
        self._said: dict[str, str] = {}

    async def run(self) -> None:
        """Serve until cancelled. Cancelled, it switches coils off and sets safe values, within 0.8 s."""
        one = self._settings
        rs485 = Rs485(one.rts_on_send, one.before_send_ms, one.after_send_ms) if one.rs485 == "kernel" else None
        framing = Framing(8, one.parity, one.stop_bits, rs485)
        self._orders.resolve_earlier()
        try:
            await keep_open(self._context, one.port, one.baud, framing, self._standing, self._serve)
        finally:
            self._orders.down("stopped")

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        return await self._orders.fire(pulse, note)

    def withdraw(self, act: Act) -> None:
        self._orders.withdraw(act)

    def set(self, setpoint: Setpoint) -> None:
        """Take a value; written when the bus is free and outputs may move."""
        level = self._levels.get(setpoint.output)
        if level is None:
            raise CommandRefused(f"{self._context.device}: no setpoint output is called {setpoint.output}")
        level.put(setpoint)
        self._wake()

    def rearm(self) -> None:
        self._orders.rearm()
        self._renew_levels()

    # The bus.

    async def _serve(self, channel: Channel) -> None:
        one, clock = self._settings, self._context.clock
        bus = Bus(channel, clock, one.baud, one.answer_s, one.echo)
        self._channel = channel
        self._unheard = set(self._misses)
        for coil in self._coils.values():
            if not coil.ends_itself:
                coil.off_ns = clock.monotonic_ns()  # nobody knows how it was left; off is always safe to write
        for level in self._levels.values():
            level.renew()
        try:
            for unit, look in self._looks.items():
                await self._heard(unit, bus.ask(look))  # a read first: it finds out an adapter that echoes
            while True:
                if not await self._turn(bus):
                    for _ in await channel.read(self._idle_s()):
                        pass  # nobody was asked: noise
        except asyncio.CancelledError:
            await self._farewell(bus)
            raise
        finally:
            self._channel = None
            self._orders.down("the bus is lost")

    async def _turn(self, bus: Bus) -> bool:
        """Do the most urgent thing that is due; return whether there was one."""
        now_ns = self._context.clock.monotonic_ns()
        for coil in self._coils.values():
            if coil.off_ns is not None and coil.off_ns <= now_ns:
                await self._heard(coil.unit, coil.off(bus))
                return True
        if (order := self._orders.take()) is not None:
            await self._pulse(bus, order)
            return True
        for level in self._levels.values():
            if level.due_ns is not None and level.due_ns <= now_ns:
                await self._level(bus, level)
                return True
        if self._settings.watchdog_unit is not None and self._watchdog_ns <= now_ns:
            await self._renew_watchdog(bus, self._settings.watchdog_unit)
            return True
        poll = min(self._polls, key=lambda one: one.due_ns, default=None)
        if poll is not None and poll.due_ns <= now_ns:
            await self._poll(bus, poll)
            return True
        for unit, looked_ns in self._looked_ns.items():
            if looked_ns <= now_ns:
                self._looked_ns[unit] = now_ns + round(LOOK_S * 1e9)
                await self._heard(unit, bus.ask(self._looks[unit]))
                return True
        return False

    def _idle_s(self) -> float:
        due_ns = [coil.off_ns for coil in self._coils.values() if coil.off_ns is not None]
        due_ns += [one.due_ns for one in self._levels.values() if one.due_ns is not None]
        due_ns += [poll.due_ns for poll in self._polls]
        due_ns += self._looked_ns.values()
        if (next_ns := self._orders.next_due_ns()) is not None:
            due_ns.append(next_ns)
        if self._settings.watchdog_unit is not None:
            due_ns.append(self._watchdog_ns)
        return max(0.0005, (min(due_ns) - self._context.clock.monotonic_ns()) / 1e9) if due_ns else LOOK_S

    async def _pulse(self, bus: Bus, order: Order) -> None:
        coil = self._coils[order.pulse.output]
        told = Told(OutcomeKind.IN_DOUBT, STOPPED)
        try:
            told = await coil.pulse(bus, order)
            self._answered(coil.unit)
        except (NoAnswer, Refused, DeviceError) as error:
            kind = OutcomeKind.IN_DOUBT if order.sent_ns else OutcomeKind.NOT_EXECUTED
            told = Told(kind, str(error))
            if isinstance(error, DeviceError):
                raise
            self._missed(coil.unit, error)
        except asyncio.CancelledError:
            if not order.sent_ns:
                told = Told(OutcomeKind.NOT_EXECUTED, "stopped before it was sent")
            raise
        finally:
            self._orders.settle(order, told.kind, told.why)

    async def _level(self, bus: Bus, level: Level) -> None:
        try:
            stands = await level.write(bus, self._orders.may_move)
            self._answered(level.unit)
            self._say_once(level.name, "" if stands else "the register does not hold what was written")
        except (NoAnswer, Refused) as error:
            self._missed(level.unit, error)
            self._say_once(level.name, str(error))

    async def _renew_watchdog(self, bus: Bus, unit: int) -> None:
        one = self._settings
        self._watchdog_ns = self._context.clock.monotonic_ns() + round(one.watchdog_every_s * 1e9)
        await self._heard(unit, bus.ask(write_registers(unit, one.watchdog_register, (one.watchdog_value,))))

    async def _poll(self, bus: Bus, poll: Poll) -> None:
        began_ns = self._context.clock.monotonic_ns()
        try:
            reply = await bus.ask(poll.request)
        except (NoAnswer, Refused) as error:
            poll.missed(str(error))
            self._missed(poll.request.unit, error)
            return
        self._answered(poll.request.unit)
        # The unit took its value some time between request and reply; the middle errs least.
        poll.answered(reply, (began_ns + self._context.clock.monotonic_ns()) // 2)

    # Who answers.

    async def _heard(self, unit: int, asked: object) -> None:
        try:
            await asked  # type: ignore[misc]  # a coroutine of the bus
            self._answered(unit)
        except (NoAnswer, Refused) as error:
            self._missed(unit, error)

    def _answered(self, unit: int) -> None:
        self._misses[unit] = 0
        self._unheard.discard(unit)
        if self._is_well and not self._standing.is_up:
            self._standing.up()
            self._orders.up()
            self._renew_levels()

    def _missed(self, unit: int, error: Exception) -> None:
        if isinstance(error, Refused):
            self._answered(unit)  # it answers; that it refuses is a matter of the point
            return
        self._misses[unit] = self._misses.get(unit, 0) + 1
        if self._misses[unit] >= DOWN_AFTER:
            self._unheard.add(unit)
            if not self._is_well:
                self._standing.down(str(error))
                self._orders.down(str(error))
                self._renew_levels()  # should it hear us: the safe values

    @property
    def _is_well(self) -> bool:
        """Whether each unit that moves something answers, or, where nothing moves, any. Readings speak for theirs."""
        return not self._unheard & self._looks.keys() if self._looks else self._unheard != self._misses.keys()

    def _renew_levels(self) -> None:
        for level in self._levels.values():
            level.renew()
        self._wake()

    def _say_once(self, name: str, text: str) -> None:
        if text and self._said.get(name) != text:
            self._context.say(f"{self._context.device}: {name}: {text}")
        self._said[name] = text

    async def _farewell(self, bus: Bus) -> None:
        """Coils off and safe values, as far as the time allows."""
        self._orders.down("stopped")
        try:
            async with asyncio.timeout(FAREWELL_S):
                for coil in self._coils.values():
                    if coil.off_ns is not None:
                        await self._heard(coil.unit, coil.off(bus))
                for level in self._levels.values():
                    level.make_safe()
                    await self._level(bus, level)
        except (TimeoutError, DeviceError):
            return

    def _wake(self) -> None:
        if self._channel is not None:
            self._channel.wake()


def _look(point: ModbusPoint) -> Request:
    """Return a request that changes nothing, to see whether an output's unit is there."""
    if point.register is not None:
        return read(point.unit, READ_HOLDING, point.register, 1)
    return read(point.unit, READ_COILS, point.coil or 0, 1)
