"""A process, seen from the daemon: what it says on standard error, its death through a pidfd, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from typing import Final

READ_BYTES: Final = 65_536


class Watched:
    """A started process. To be used on the loop that it was made on.

    Args:
        process: as `started.start` gives it.
        on_end: called once, whatever ended it, with how (`was killed by SIGKILL`) and its exit code.
        words_bytes: how much of what it said last on standard error is kept.
    """

    def __init__(self, process: subprocess.Popen[bytes], on_end: Callable[[str, int], None], words_bytes: int) -> None:
        assert process.stderr is not None
        self._process, self._stderr = process, process.stderr
        self._on_end, self._words_bytes = on_end, words_bytes
        self._words = bytearray()
        self._gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._pidfd = os.pidfd_open(process.pid)
        os.set_blocking(self._stderr.fileno(), False)
        self._loop.add_reader(self._stderr.fileno(), self._overhear)
        self._loop.add_reader(self._pidfd, self._bury)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The last that it said on standard error."""
        return self._words.decode(errors="replace").strip()

    def kill(self) -> None:
        """SIGKILL; its death is told later."""
        if not self._gone.is_set():
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)

    async def end(self, within_s: float) -> None:
        """Return when it is gone; it is killed after so many seconds."""
        try:
            async with asyncio.timeout(within_s):
                await self._gone.wait()
        except TimeoutError:
            self.kill()
            await self._gone.wait()

    def _overhear(self) -> None:
        try:
            piece = os.read(self._stderr.fileno(), READ_BYTES)
        except BlockingIOError:
            return
        if not piece:
            self._loop.remove_reader(self._stderr.fileno())
        self._words += piece
        del self._words[: -self._words_bytes]

    def _bury(self) -> None:
        code = self._process.poll()
        if code is None:
            return
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._overhear()
        self._loop.remove_reader(self._stderr.fileno())
        self._stderr.close()
        self._gone.set()
        how = f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with code {code}"
        self._on_end(how, code)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
