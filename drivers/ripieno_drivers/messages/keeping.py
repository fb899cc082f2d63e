"""Tells senders that their message is taken, once it would survive a power cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from ripieno.contracts.driver import Context
from ripieno.errors import StorageError

RETRY_S: Final = (0.1, 0.5, 2.0)


class Keeping:
    """`later` asks for a call; `run` makes it when all that was reported before is durable."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: list[Callable[[], None]] = []
        self._some = asyncio.Event()

    def later(self, told: Callable[[], None]) -> None:
        """Call `told` when what was reported so far is durable; in the order of the calls. It must not raise."""
        self._waiting.append(told)
        self._some.set()

    async def run(self) -> None:
        """Serve until cancelled; what was not told then comes again from its sender."""
        while True:
            await self._some.wait()
            self._some.clear()
            batch, self._waiting = self._waiting, []
            await self.durable()
            for told in batch:
                told()

    async def durable(self) -> None:
        """Return when what was reported so far is durable; a disk that refuses is waited for."""
        assert self._context.recorded is not None
        failures = 0
        while True:
            try:
                await self._context.recorded()
            except StorageError:  # the ledger itself says so; what it has not taken stays queued there
                await self._context.clock.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
            else:
                return
