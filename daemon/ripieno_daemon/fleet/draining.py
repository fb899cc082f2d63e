"""The last wait of a stop: for receipts, a little, and only while some come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ripieno.contracts.ports import Clock

STEP_S: Final = 0.02
DRAIN_S: Final = 2.0  # what is not receipted by then is sent again after the next start
IDLE_S: Final = 0.3  # of which so long without one: a broker or a consumer that is away sends none


async def drained(backlog: Callable[[], int], clock: Clock) -> None:
    """Return when nothing waits for a receipt, or nobody seems to send any. `backlog`: how many results wait."""
    waited, idle, left = 0.0, 0.0, backlog()
    while left and waited < DRAIN_S and idle < IDLE_S:
        await clock.sleep(STEP_S)
        waited, idle = waited + STEP_S, idle + STEP_S
        if (now := backlog()) < left:
            left, idle = now, 0.0
