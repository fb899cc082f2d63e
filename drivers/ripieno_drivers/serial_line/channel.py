"""One opened line: what was read waits here, bounded; what the line does not take yet is offered again."""

from __future__ import annotations

import asyncio
from typing import Final

from ripieno.contracts.driver import Context
from ripieno.contracts.ports import Line
from ripieno.errors import DeviceError
from ripieno_drivers.link.inbox import Drops, Inbox

from .framing import Framing, open_line

AGAIN_S: Final = 0.002
"""A line that took less than it was given is offered the rest after this."""


class Channel:
    """Made by `open`. One task uses it; all waiting is on the loop's timers."""

    def __init__(self, context: Context) -> None:
        self._wake = asyncio.Event()
        self._clock = context.clock
        self._inbox = Inbox(self._wake, lambda: context.clock.monotonic_ns() // 1000)
        self._drops = Drops(self._inbox, lambda text: context.say(f"{context.device}: {text}"))
        self._line: Line | None = None

    @classmethod
    async def open(cls, context: Context, port: str, baud: int, framing: Framing) -> Channel:
        """Open a port; raises DeviceError."""
        channel = cls(context)
        inbox = channel._inbox
        channel._line = await open_line(context.lines, port, baud, framing, inbox.take, inbox.take_loss)
        return channel

    @property
    def is_lost(self) -> bool:
        return bool(self._inbox.loss) or self._line is None

    def wake(self) -> None:
        """End a `read` that waits, with nothing."""
        self._wake.set()

    async def read(self, within_s: float | None) -> list[tuple[bytes, int]]:
        """Return what has come, each with when (host us): at once if there is something, else within this many seconds.

        Returns nothing at the end of the time or after `wake`. Raises DeviceError when the line is gone.
        """
        chunks = self._inbox.emptied()
        if not chunks and not self._inbox.loss and (within_s is None or within_s > 0):
            self._wake_at(within_s)
            await self._waiting()
            chunks = self._inbox.emptied()
        self._look()
        if not chunks and self._inbox.loss:
            raise DeviceError(self._inbox.loss)
        return chunks

    async def write(self, data: bytes, within_s: float) -> int:
        """Return how many bytes the line has taken within this many seconds; fewer also when the line is gone."""
        rest, until_ns = data, self._clock.monotonic_ns() + round(within_s * 1e9)
        while rest and self._line is not None and not self._inbox.loss:
            rest = rest[self._line.write(rest) :]
            if rest and self._clock.monotonic_ns() >= until_ns:
                break
            if rest:
                await self._clock.sleep(AGAIN_S)
        return len(data) - len(rest)

    def discard(self) -> int:
        """Throw away what was read and not asked for; return how many bytes."""
        return sum(len(chunk) for chunk, _ in self._inbox.emptied())

    def close(self) -> None:
        """Give the port back."""
        if self._line is not None:
            self._line.close()
            self._line = None
            self._look(ends=True)

    def _look(self, *, ends: bool = False) -> None:
        self._drops.look(self._clock.monotonic_ns() // 1000, ends=ends)

    def _wake_at(self, within_s: float | None) -> None:
        self._wake.clear()
        loop = asyncio.get_running_loop()
        self._timer = None if within_s is None else loop.call_later(within_s, self._wake.set)

    async def _waiting(self) -> None:
        try:
            await self._wake.wait()
        finally:
            if self._timer is not None:
                self._timer.cancel()
