"""The Modbus units with a watchdog in the I/O module: not renewed for 1 s, it puts its outputs to their safe values.

Such modules are common; this one has it in holding register 90, which any write renews. It begins to run with the
first renewal after power-on.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from .modbus_units import SAFE_FLOW, ModbusUnits

__all__ = ["GuardedUnits"]

WATCHDOG_REGISTER = 90
BITES_AFTER_US = 1_000_000


class GuardedUnits(ModbusUnits):
    """See ModbusUnits. `bites`: how often the watchdog has put the outputs to their safe values."""

    settings: Mapping[str, Any] = {
        **ModbusUnits.settings,
        "watchdog_unit": 1,
        "watchdog_register": WATCHDOG_REGISTER,
        "watchdog_every_s": 0.25,
    }

    def __init__(self, seed: int = 0) -> None:
        self._now_us = 0
        self._bites_us: int | None = None
        self.bites = 0
        super().__init__(seed)

    def send(self, written: bytes, now_us: int) -> None:
        """Take bytes from the bus."""
        self._now_us = now_us
        super().send(written, now_us)

    def advance(self, now_us: int) -> bytes:
        """Return the replies up to now."""
        self._now_us = now_us
        left = super().advance(now_us)
        if self._bites_us is not None and self._bites_us <= now_us:
            self._bites_us = None
            self.bites += 1
            self.coils = [False] * len(self.coils)
            self.holding[10] = SAFE_FLOW
        return left

    def next_deadline_us(self) -> int | None:
        """Return when a frame ends, a reply has left, or the watchdog bites."""
        dues = [due_us for due_us in (super().next_deadline_us(), self._bites_us) if due_us is not None]
        return min(dues, default=None)

    def _power_up(self) -> None:
        super()._power_up()
        self._bites_us = None

    def _obey(self, unit: int, function: int, data: bytes) -> bytes:
        if unit == 1 and function == 6 and len(data) >= 4:  # AP 6.6
            address, _ = struct.unpack_from(">HH", data)
            if address == WATCHDOG_REGISTER:
                self._bites_us = self._now_us + BITES_AFTER_US
                return bytes((6,)) + data[:4]
        return super()._obey(unit, function, data)
