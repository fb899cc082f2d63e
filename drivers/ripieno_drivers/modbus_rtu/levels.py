"""One setpoint: an absolute value, written, read back, and written again every third of its lease."""

from __future__ import annotations

import math
import struct
from typing import Final

from ripieno.contracts.ports import Clock
from ripieno.errors import CommandRefused
from ripieno.values import Setpoint

from .bus import Bus
from .frames import READ_HOLDING, read, write_registers
from .numbers import words_for
from .settings import ModbusPoint

AGAIN_S: Final = 0.5


class Level:
    """One setpoint output. `due_ns`: when it is written next, None: the safe value stands there."""

    def __init__(self, name: str, point: ModbusPoint, clock: Clock) -> None:
        assert point.register is not None
        self._point, self._clock = point, clock
        self.name, self.unit = name, point.unit
        safe = words_for(point.safe * point.scale, point.type, point.words)
        if safe is None:
            raise CommandRefused(f"{name}: the safe value {point.safe:g} does not fit a {point.type}")
        self._safe = self._wanted = safe
        self._lease_s = math.inf
        self.due_ns: int | None = None

    def put(self, setpoint: Setpoint) -> None:
        """Take a value; raises CommandRefused if it does not fit."""
        words = words_for(setpoint.value * self._point.scale, self._point.type, self._point.words)
        if words is None:
            raise CommandRefused(f"{self.name}: {setpoint.value:g} does not fit a {self._point.type}")
        if not (math.isfinite(setpoint.lease_s) and setpoint.lease_s > 0):
            raise CommandRefused(f"{self.name}: a lease of {setpoint.lease_s:g} s")
        self._wanted, self._lease_s = words, setpoint.lease_s
        self.due_ns = self._clock.monotonic_ns()

    def make_safe(self) -> None:
        """Write the safe value as soon as may be."""
        self._wanted, self._lease_s = self._safe, math.inf
        self.due_ns = self._clock.monotonic_ns()

    def renew(self) -> None:
        """The unit may have forgotten it."""
        self.due_ns = self._clock.monotonic_ns()

    async def write(self, bus: Bus, may_move: bool) -> bool:
        """Write the value, the safe one while nothing may move, and read it back; return whether it stands there.

        Raises:
            NoAnswer, Refused, DeviceError: as `Bus.ask`; it is tried again when it is due.
        """
        assert self._point.register is not None
        words = self._wanted if may_move else self._safe
        self._rest(min(AGAIN_S, self._lease_s / 3))
        await bus.ask(write_registers(self.unit, self._point.register, words))
        reply = await bus.ask(read(self.unit, READ_HOLDING, self._point.register, len(words)))
        stands = struct.unpack(f">{len(words)}H", reply.data) == words
        if stands and words in (self._wanted, self._safe):
            self._rest(self._lease_s / 3 if words == self._wanted else math.inf)
        return stands

    def _rest(self, seconds: float) -> None:
        finite = math.isfinite(seconds)
        self.due_ns = self._clock.monotonic_ns() + round(seconds * 1e9) if finite else None
