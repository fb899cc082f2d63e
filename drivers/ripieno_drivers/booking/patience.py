"""Tries again what another system refused for now: on a ladder, one at a time, each in its turn.

So a system that is away is asked by one booking at a time, whoever waits; and a booking that is refused for ever, while
others would be taken, keeps nobody waiting longer than one step of the ladder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ripieno.errors import LinkDown, RipienoError


class Patience:
    """The attempts of one device.

    Args:
        name: of the device, for who is told that it has ended.
        ladder: seconds before the next attempt, the last for all that follow.
        on_refused: called with each refusal; `on_done`: with each success.
    """

    def __init__(
        self,
        name: str,
        ladder: Sequence[float],
        on_refused: Callable[[RipienoError], None],
        on_done: Callable[[], None] = lambda: None,
    ) -> None:
        self._name, self._ladder = name, ladder
        self._on_refused, self._on_done = on_refused, on_done
        self._is_well, self._failures = True, 0
        self._turn = asyncio.Lock()
        self._closed = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed.is_set()

    async def done(self, attempt: Callable[[], Awaitable[object]], errors: type[RipienoError]) -> None:
        """Return when an attempt has ended without one of `errors`. Raises LinkDown: the device has ended."""
        while True:
            self.refuse_closed()
            if self._is_well:
                if await self._tried(attempt, errors):
                    return
                continue
            async with self._turn:
                if self._is_well:
                    continue
                await self.pause(self._ladder[min(self._failures, len(self._ladder) - 1)])
                self.refuse_closed()
                self._failures += 1
                if await self._tried(attempt, errors):
                    return

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until the device ends."""
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            pass  # the time is over, which is what was waited for

    def refuse_closed(self) -> None:
        """Raise LinkDown where the device has ended."""
        if self.is_closed:
            raise LinkDown(f"{self._name}: it is closed")

    def close(self) -> None:
        """The device has ended: who waits is told."""
        self._closed.set()

    async def _tried(self, attempt: Callable[[], Awaitable[object]], errors: type[RipienoError]) -> bool:
        try:
            await attempt()
        except errors as error:
            self._is_well = False
            if not self.is_closed:
                self._on_refused(error)
            return False
        self._is_well, self._failures = True, 0
        if not self.is_closed:
            self._on_done()
        return True
