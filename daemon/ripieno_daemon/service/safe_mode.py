"""Safe mode: after too many starts nothing is opened, and whoever asks is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ripieno.contracts.ports import Clock
from ripieno.errors import StorageError
from ripieno_daemon.ports.small_files import SmallFiles
from ripieno_daemon.supervision import Starts

from . import collecting
from .standing import SAFE, Standing

SAFE_MODE_S = 600.0
STARTS = "starts"


class SafeMode:
    """Counts the starts of the process over its deaths, and waits where they were too many.

    Args:
        runtime: files that a reboot clears; None: nobody starts this process again by himself.
    """

    def __init__(
        self, runtime: SmallFiles | None, standing: Standing, clock: Clock, tell: Callable[[str, str], None]
    ) -> None:
        self._runtime, self._standing, self._clock, self._tell = runtime, standing, clock, tell
        self._left = asyncio.Event()

    def is_due(self) -> bool:
        """Count this start; return whether there were too many."""
        if self._runtime is None:
            return False
        try:
            starts = Starts(self._runtime.read(STARTS).decode(errors="replace"), self._clock.monotonic_ns())
            self._runtime.write(STARTS, starts.text().encode())
        except StorageError as error:
            self._standing.alarm("starts", "", f"starts are not counted: {error}")
            return False
        self._standing.starts = starts.count
        return starts.is_too_often

    def forget(self) -> None:
        """The process ends in order, or a person has looked: the starts until now count no more."""
        if self._runtime is not None:
            try:
                self._runtime.remove(STARTS)
            except StorageError as error:
                self._tell("said", f"the next start counts this one as a crash: {error}")

    def leave(self) -> None:
        """Try again to run."""
        self._left.set()

    async def wait(self) -> None:
        """Open nothing, answer whoever asks, and return when a person says so or after ten minutes."""
        standing = self._standing
        text = (
            f"{standing.starts} starts within a minute: safe mode, no device is opened; "
            "`journalctl -u ripieno` says what stopped them, `ripieno rearm` tries again"
        )
        standing.set(SAFE, "outputs are safe, no device is opened")
        standing.alarm("safe-mode", "", text)
        standing.up()
        collecting.resume()
        try:
            async with asyncio.timeout(SAFE_MODE_S):
                await self._left.wait()
        except TimeoutError:
            self._tell("said", f"safe mode has lasted {SAFE_MODE_S:g} s: it is tried again")
        self.forget()
        standing.over("safe-mode")
