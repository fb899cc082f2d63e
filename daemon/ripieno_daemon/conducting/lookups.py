"""Records that are looked up: within a deadline, remembered for as long as the step allows, never an exception."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from ripieno.contracts.driver import Device, RecordDevice
from ripieno.contracts.ports import Clock
from ripieno.engine import Look
from ripieno.errors import RipienoError
from ripieno.values import Health, Record

MOST_REMEMBERED = 4_096


class Lookups:
    """Serves the lookups of all steps. Only answers are remembered, no record among them; failures are not."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: OrderedDict[tuple[str, str | float], tuple[Record, int]] = OrderedDict()

    async def look(self, look: Look, device: Device) -> tuple[Record, int]:
        """Return the answer, and since when it is known (monotonic ns of the host)."""
        known = self._known.get((look.input, look.key))
        if known is not None and self._clock.monotonic_ns() - known[1] <= look.cache_ns:
            return known
        record, now = await self._ask(look, device), self._clock.monotonic_ns()
        if record.health is Health.GOOD and look.cache_ns:
            self._known[look.input, look.key] = record, now
            self._known.move_to_end((look.input, look.key))
            if len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return record, now

    async def _ask(self, look: Look, device: Device) -> Record:
        if not isinstance(device, RecordDevice):
            return Record(False, {}, Health.FAILED, f"the driver of {look.input} looks nothing up")
        try:
            async with asyncio.timeout(look.deadline_ns / 1e9):
                return await device.look(look.input, look.key)
        except TimeoutError:
            return Record(False, {}, Health.LATE, f"no answer within {look.deadline_ns / 1e6:g} ms")
        except RipienoError as error:
            return Record(False, {}, Health.FAILED, str(error))
