"""The supervisor of a daemon's tasks: begins each in its group, keeps it, and says where an exhausted one leads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ripieno.contracts.ports import Clock, Entropy

from .keeping import USUAL, Exhausted, Intensity, keep
from .progress import Progress
from .stops import Stop

REST_S = 60.0  # an exhausted task begins anew after this: on a device nobody visits it may have been the cable


class Supervisor:
    """Owns the policy; the tasks belong to the group that they are begun in.

    Args:
        on_stop: each end of a task, and what is done next.
    """

    def __init__(
        self,
        clock: Clock,
        entropy: Entropy,
        on_stop: Callable[[Stop, str], None],
        intensity: Intensity = USUAL,
    ) -> None:
        self.clock = clock
        self.progress = Progress(clock.monotonic_ns)
        self._entropy, self._on_stop, self._intensity = entropy, on_stop, intensity

    def tell(self, stop: Stop, then: str) -> None:
        """Tell of a stop that another part has noticed."""
        self._on_stop(stop, then)

    def begin(
        self,
        group: asyncio.TaskGroup,
        part: str,
        work: Callable[[], Awaitable[None]],
        on_stop: Callable[[Stop], None] = lambda stop: None,
        escalate: Callable[[Stop], None] = lambda stop: None,
    ) -> asyncio.Task[None]:
        """Keep `work` running in the group until cancelled.

        Args:
            on_stop: what else must be told of each end, before `work` begins again.
            escalate: what happens when it ends too often; it is then tried again once a minute.
        """
        return group.create_task(self._keep(part, work, on_stop, escalate), name=part)

    async def _keep(
        self,
        part: str,
        work: Callable[[], Awaitable[None]],
        on_stop: Callable[[Stop], None],
        escalate: Callable[[Stop], None],
    ) -> None:
        def tell(stop: Stop) -> None:
            self._on_stop(stop, "it is started again")
            on_stop(stop)

        while True:
            try:
                await keep(part, work, self.clock, self._entropy, tell, self._intensity)
            except Exhausted as exhausted:
                self._on_stop(exhausted.stop, f"{exhausted}; it rests for {REST_S:g} s")
                escalate(exhausted.stop)
            await self.clock.sleep(REST_S)
