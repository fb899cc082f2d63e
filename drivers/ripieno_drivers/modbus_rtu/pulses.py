"""One pulse on a coil: what is asked before, what is sent once, and what may be concluded afterwards.

    before: the coil must read off                         else NOT_EXECUTED
    ON, sent once
        exception                                          NOT_EXECUTED (IN_DOUBT where the exception leaves it open)
        echo, and the read-back does not contradict        EXECUTED
        no echo, read-back on (it was off, we are alone)   EXECUTED
        no echo, read-back off                             a lost request, or a reset since: IN_DOUBT,
                                                           unless the device counts its acts and the counter tells
    OFF, at the end of the hold: absolute, so it is repeated until it is confirmed

The ON is never repeated: a module that latches, steps or kicks would do it twice.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ripieno.contracts.ports import Clock
from ripieno.values import OutcomeKind
from ripieno_drivers.acts import Order

from .bus import Bus, NoAnswer, Refused
from .frames import READ_COILS, READ_INPUT, UNCERTAIN, read, write_coil
from .settings import ModbusPoint

READ_BACKS: Final = 3
OFF_AGAIN_S: Final = 0.1


class Told(NamedTuple):
    kind: OutcomeKind
    why: str = ""


class Coil:
    """One pulse output. `off_ns`: when the coil must be switched off, None: it is off as far as we know."""

    def __init__(self, point: ModbusPoint, clock: Clock) -> None:
        assert point.coil is not None
        self._point, self._clock = point, clock
        self.unit, self._address = point.unit, point.coil
        self.off_ns: int | None = None

    @property
    def ends_itself(self) -> bool:
        return self._point.ends == "device"

    async def pulse(self, bus: Bus, order: Order) -> Told:
        """Do it once, unless it was refused or became late while the coil was looked at.

        Raises:
            NoAnswer, DeviceError: before anything was sent: it did not happen. Afterwards only the line raises.
        """
        if await self._is_on(bus):
            return Told(OutcomeKind.NOT_EXECUTED, "the coil is on already")
        before = await self._count(bus)
        if order.refused or self._clock.monotonic_ns() > order.closes_ns:
            return Told(OutcomeKind.NOT_EXECUTED, order.refused or "late: its window had passed")
        hold_ns = round(order.pulse.hold_s * 1e9)
        # From here on it may be on, whatever happens to us: the OFF is owed first.
        self.off_ns = None if self.ends_itself else self._clock.monotonic_ns() + hold_ns
        echoed = False
        try:
            await bus.ask(write_coil(self.unit, self._address, True))
            echoed = True
        except Refused as error:
            if error.code not in UNCERTAIN:
                self.off_ns = None
                return Told(OutcomeKind.NOT_EXECUTED, str(error))
        except NoAnswer:
            pass
        finally:
            order.sent_ns = bus.sent_ns
        if not order.sent_ns:
            self.off_ns = None
        elif self.off_ns is not None:
            self.off_ns = order.sent_ns + hold_ns
        return await self._conclude(bus, echoed, before)

    async def off(self, bus: Bus) -> None:
        """Switch off, if it is time; tried again a little later until it is confirmed. Raises NoAnswer, DeviceError."""
        self.off_ns = self._clock.monotonic_ns() + round(OFF_AGAIN_S * 1e9)
        await bus.ask(write_coil(self.unit, self._address, False))
        self.off_ns = None

    async def _conclude(self, bus: Bus, echoed: bool, before: int | None) -> Told:
        for _ in range(READ_BACKS):
            try:
                is_on, after = await self._is_on(bus), await self._count(bus)
                break
            except (NoAnswer, Refused):
                continue
        else:
            if echoed:
                return Told(OutcomeKind.EXECUTED, "confirmed; the read-back was not answered")
            return Told(OutcomeKind.IN_DOUBT, f"unit {self.unit} answered neither the act nor the read-back")
        if before is not None and after == before + 1 & 0xFFFF and after:
            return Told(OutcomeKind.EXECUTED)
        if before and after == before and not is_on and not echoed:
            return Told(OutcomeKind.NOT_EXECUTED, "the device has not counted it")
        if is_on or (echoed and self.ends_itself):
            return Told(OutcomeKind.EXECUTED)
        if echoed:
            return Told(OutcomeKind.IN_DOUBT, "confirmed, but the coil reads off")
        return Told(OutcomeKind.IN_DOUBT, "not confirmed, and the coil reads off: lost on the way, or reset since")

    async def _is_on(self, bus: Bus) -> bool:
        return bool((await bus.ask(read(self.unit, READ_COILS, self._address, 1))).data[0] & 1)

    async def _count(self, bus: Bus) -> int | None:
        if self._point.counter is None:
            return None
        reply = await bus.ask(read(self.unit, READ_INPUT, self._point.counter, 1))
        return int.from_bytes(reply.data, "big")
