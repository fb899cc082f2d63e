"""The system's clocks."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """CLOCK_MONOTONIC for order and waiting, UTC for people."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since boot; never steps."""
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        """Nanoseconds since 1970, UTC; may step."""
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait on the loop's own timer."""
        await asyncio.sleep(seconds)
