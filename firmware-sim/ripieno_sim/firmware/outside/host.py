"""The firmware as a process (port/host/main.c): killed and started again, it is a board that was reset."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ripieno_sim.codec import Cause
from ripieno_sim.firmware.outside.wires import Wire

__all__ = ["BoardDied", "HostBoard", "OutsideBoard"]

_NOINIT_BYTES = 16_384  # more than the journal; the process cuts the file to its size


class BoardDied(Exception):
    """The firmware ended in a way that no reset explains; the message holds its last words."""


class OutsideBoard(Protocol):
    """A board outside this process."""

    async def live(self, fell: Callable[[], None]) -> None:
        """Run until cancelled; call `fell` each time the controller goes down, since its pins fall then.

        Raises:
            BoardDied: it ended by itself.
        """

    async def reset(self, *, keep_ram: bool = True) -> None:
        """Reset the controller: warm, or cold with other RAM."""


class HostBoard:
    """`fw-host` on two wires. SIGALRM, its watchdog, starts it again like a warm reset.

    Args:
        link, bus: its wires.
        baud: of the link.
        folder: where the RAM that a reset keeps lies, as a file.
        program: the build.
    """

    def __init__(self, link: Wire, bus: Wire, baud: int, folder: Path, program: Path) -> None:
        self._program = program
        self._link, self._bus, self._baud = link, bus, baud
        self._noinit = folder / "noinit"
        self._process: asyncio.subprocess.Process | None = None
        self._next = Cause.POWER

    @property
    def pid(self) -> int | None:
        """The process of this boot."""
        return None if self._process is None else self._process.pid

    async def live(self, fell: Callable[[], None]) -> None:
        """Run until cancelled; see OutsideBoard."""
        await self._fill_ram()
        while True:
            process = self._process = await asyncio.create_subprocess_exec(
                str(self._program),
                str(self._link.far_fd),
                str(self._bus.far_fd),
                str(self._baud),
                str(self._noinit),
                str(int(self._next)),
                pass_fds=(self._link.far_fd, self._bus.far_fd),
                stderr=asyncio.subprocess.PIPE,
            )
            self._next = Cause.UNKNOWN
            try:
                _, words = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            fell()
            if process.returncode == -signal.SIGALRM:
                self._next = Cause.WATCHDOG
            elif process.returncode != -signal.SIGKILL:
                raise BoardDied(f"the firmware ended with status {process.returncode}: {words.decode().strip()}")
            if self._next is Cause.POWER:
                await self._fill_ram()

    async def reset(self, *, keep_ram: bool = True) -> None:
        """Reset the controller; see OutsideBoard."""
        self._next = Cause.PIN if keep_ram else Cause.POWER
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _fill_ram(self) -> None:
        """Fill the RAM as a power-on does, with anything."""
        await asyncio.to_thread(self._noinit.write_bytes, os.urandom(_NOINIT_BYTES))
