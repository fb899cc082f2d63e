"""The firmware as a process (port/host/main.c): killed and started again, it is a board that was reset."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ripieno_sim.codec import Cause
from ripieno_sim.firmware.outside.wires import Wire

__all__ = ["BoardDied", "HostBoard", "OutsideBoard"]

REPLACED_S = 0.1
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

    The process of the next boot always stands by: a reset takes as long as a controller's, not as starting a process.

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
        self._standby: asyncio.subprocess.Process | None = None
        self._booting = asyncio.Lock()
        self._taken = asyncio.Event()
        self._fell: Callable[[], None] = lambda: None

    @property
    def pid(self) -> int | None:
        """The process of this boot."""
        return None if self._process is None else self._process.pid

    async def live(self, fell: Callable[[], None]) -> None:
        """Run until cancelled; see OutsideBoard."""
        self._fell = fell
        replacing = asyncio.create_task(self._replace(), name="standby")
        try:
            await self._boot(Cause.POWER)
            while True:
                process = self._process
                assert process is not None
                _, words = await process.communicate()
                async with self._booting:  # a reset that is under way boots the next one itself
                    is_ours = process is self._process
                if not is_ours:
                    continue
                if process.returncode not in (-signal.SIGALRM, -signal.SIGKILL):
                    raise BoardDied(f"the firmware ended with status {process.returncode}: {words.decode().strip()}")
                await self._boot(Cause.WATCHDOG if process.returncode == -signal.SIGALRM else Cause.UNKNOWN)
        finally:
            replacing.cancel()
            await asyncio.gather(replacing, return_exceptions=True)
            for each in (self._process, self._standby):
                if each is not None and each.returncode is None:
                    each.kill()
                    await each.wait()

    async def reset(self, *, keep_ram: bool = True) -> None:
        """Reset the controller; see OutsideBoard."""
        await self._boot(Cause.PIN if keep_ram else Cause.POWER)

    async def _boot(self, cause: Cause) -> None:
        """End the process of the last boot, if there is one, and let the one that stands by boot."""
        async with self._booting:
            last, booted = self._process, self._standby or await self._stand_by()
            self._standby = None
            assert booted.stdin is not None
            if last is not None and last.returncode is None:
                last.kill()
                with contextlib.suppress(ChildProcessError):  # the loop has heard of it already
                    os.waitid(os.P_PID, last.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - it is dying: some 100 us
            self._process = booted
            if last is not None:
                self._fell()
            if cause is Cause.POWER:
                await self._fill_ram()
            booted.stdin.write(bytes((cause,)))
            self._taken.set()

    async def _replace(self) -> None:
        """Start a process that stands by when one was taken: a little later, for it keeps the loop for milliseconds."""
        while True:
            await self._taken.wait()
            self._taken.clear()
            await asyncio.sleep(REPLACED_S)
            async with self._booting:
                self._standby = self._standby or await self._stand_by()

    async def _stand_by(self) -> asyncio.subprocess.Process:
        """Start a process that boots when it is told the cause of the reset."""
        return await asyncio.create_subprocess_exec(
            str(self._program),
            str(self._link.far_fd),
            str(self._bus.far_fd),
            str(self._baud),
            str(self._noinit),
            pass_fds=(self._link.far_fd, self._bus.far_fd),
            stdin=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def _fill_ram(self) -> None:
        """Fill the RAM as a power-on does, with anything."""
        await asyncio.to_thread(self._noinit.write_bytes, os.urandom(_NOINIT_BYTES))
