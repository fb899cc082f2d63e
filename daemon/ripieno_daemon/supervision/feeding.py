"""Feeding the watchdog: WATCHDOG=1 while every part makes progress, silence and a reason while one does not."""

from __future__ import annotations

from collections.abc import Callable

from ripieno.contracts.ports import Clock, Notify

from .progress import Progress, Stuck

ASLEEP_S = 2.0  # so much later than it wanted to look: the machine was suspended, or the process stopped
LOOKS = 4  # in one watchdog time: one that comes late leaves room for another


class Feeder:
    """Looks at the progress again and again; it runs on the loop, so a loop that does not turn feeds nothing.

    Args:
        watchdog_s: systemd's time, None where nobody watches (then stuck parts are told all the same).
        on_stuck: told once for each part that gets stuck, and with None when all are well again.
    """

    def __init__(
        self,
        progress: Progress,
        clock: Clock,
        notify: Notify,
        watchdog_s: float | None,
        on_stuck: Callable[[list[Stuck] | None], None],
    ) -> None:
        self._progress, self._clock, self._notify, self._on_stuck = progress, clock, notify, on_stuck
        self._every_s = (watchdog_s or 4.0) / LOOKS
        self._told: set[str] = set()

    async def run(self) -> None:
        """Feed until cancelled."""
        while True:
            self.look()
            began_ns = self._clock.monotonic_ns()
            await self._clock.sleep(self._every_s)
            if (self._clock.monotonic_ns() - began_ns) / 1e9 > self._every_s + ASLEEP_S:
                self._progress.begin_anew()

    def look(self) -> None:
        """Feed, or say why not."""
        stuck = self._progress.stuck()
        if not stuck:
            self._notify("WATCHDOG=1")
            if self._told:
                self._told = set()
                self._on_stuck(None)
            return
        if fresh := [one for one in stuck if one.part not in self._told]:
            self._told |= {one.part for one in fresh}
            self._on_stuck(fresh)
