"""One worker process, seen from the control process: start, send, hear, kill. A port.

The child gets one end of a socketpair. `spawn_exec` is what another way to make workers (a fork of a warm process)
replaces.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol, cast

from ripieno.errors import WorkerLost
from ripieno_daemon.processes.started import start
from ripieno_daemon.processes.watched import Watched

from . import wire

STOP_S: Final = 2.0
WORDS_BYTES: Final = 8192
PAGE_BYTES: Final = os.sysconf("SC_PAGESIZE")
MAX_PIXELS: Final = {"OPENCV_IO_MAX_IMAGE_PIXELS": "50000000"}  # behind the header check, the decoder's own limit


class Worker(Protocol):
    """A worker process. What it answers and its death go to the two callables that it was spawned with.

    The death is told once, whatever ends the process.
    """

    @property
    def pid(self) -> int: ...
    def send(self, message: list[Any]) -> None:
        """Send without waiting; a message to a dead worker is dropped, because its death is told."""

    def kill(self) -> None:
        """SIGKILL; the death is told later."""

    async def stop(self) -> None:
        """Ask it to end, kill it after STOP_S; return when it is gone."""


class Spawn(Protocol):
    """How a worker comes to be. Raises WorkerLost when the process cannot be made."""

    async def __call__(
        self,
        nice: int,
        runtime: str | None,
        on_answer: Callable[[list[Any]], None],
        on_death: Callable[[WorkerLost], None],
    ) -> Worker: ...


async def spawn_exec(
    nice: int, runtime: str | None, on_answer: Callable[[list[Any]], None], on_death: Callable[[WorkerLost], None]
) -> Worker:
    """Start a fresh interpreter that runs child.py. To be called on the main thread (see processes/mortality.py)."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    words = ["-m", f"{__package__}.child", str(theirs.fileno()), str(os.getpid()), str(nice), runtime or "-"]
    try:
        process = start(words, (theirs.fileno(),), **MAX_PIXELS)
    except OSError as error:
        ours.close()
        raise WorkerLost(f"a worker process cannot be made: {error.strerror or error}") from error
    finally:
        theirs.close()
    worker = ExecWorker(process, on_answer, on_death)
    await asyncio.get_running_loop().create_unix_connection(lambda: worker, sock=ours)
    return worker


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process, 0 where there is none of this pid any more."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


class ExecWorker(asyncio.Protocol):
    """See Worker."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        on_answer: Callable[[list[Any]], None],
        on_death: Callable[[WorkerLost], None],
    ) -> None:
        self._on_answer, self._on_death = on_answer, on_death
        self._watched = Watched(process, self._ended, WORDS_BYTES)
        self._decoder = wire.Decoder()
        self._transport: asyncio.Transport | None = None
        self._killed_for = ""

    @property
    def pid(self) -> int:
        return self._watched.pid

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not registered as such

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._decoder.feed(data):
                self._on_answer(message)
        except WorkerLost as error:
            self._killed_for = str(error)
            self.kill()

    def eof_received(self) -> bool:
        return False  # close; the pidfd tells the rest

    def send(self, message: list[Any]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(wire.encode(message))

    def kill(self) -> None:
        self._watched.kill()

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
        await self._watched.end(STOP_S)

    def _ended(self, how: str, code: int) -> None:
        if self._transport is not None:
            self._transport.close()
        why = f" ({self._killed_for})" if self._killed_for else ""
        self._on_death(WorkerLost(f"worker {self.pid} {how}{why}", self._watched.last_words))
