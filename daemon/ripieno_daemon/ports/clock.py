"""The system's clocks."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """CLOCK_BOOTTIME for order and age, UTC for people.

    While a machine is suspended CLOCK_MONOTONIC stands still: what was read before would be as young as ever when it
    wakes. CLOCK_BOOTTIME goes on, so that everything is as old as it is. The loop's timers stand still all the same:
    what they wait for comes late then, by this clock, and is seen to.
    """

    def monotonic_ns(self) -> int:
        """Nanoseconds since boot, those of a suspended machine too; nobody sets this clock."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def wall_ns(self) -> int:
        """Nanoseconds since 1970, UTC; may step."""
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait on the loop's own timer."""
        await asyncio.sleep(seconds)
