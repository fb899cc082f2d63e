"""One worker process, seen from the control process: start, send, hear, kill. A port.

The child gets one end of a socketpair and a pipe as stderr. Its death is seen through a pidfd, so no thread or signal
handler waits for it. `spawn_exec` is what another way to make workers (a fork of a warm process) replaces.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from ripieno.errors import WorkerLost

from . import wire

STOP_S: Final = 2.0
STDERR_BYTES: Final = 8192
SINGLE_THREADED: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
KEPT_VARIABLES: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "HOME", "TMPDIR")
MAX_PIXELS_VARIABLE: Final = "OPENCV_IO_MAX_IMAGE_PIXELS"  # behind the header check, the decoder's own limit


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
    """Start a fresh interpreter that runs child.py. To be called on the main thread (see mortality.py)."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    arguments = [
        sys.executable,
        "-P",
        "-m",
        f"{__package__}.child",
        str(theirs.fileno()),
        str(os.getpid()),
        str(nice),
        runtime or "-",
    ]
    try:
        process = subprocess.Popen(  # noqa: ASYNC220 - vfork, 1-3 ms; off the main thread PDEATHSIG would fire early
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(theirs.fileno(),),
            env=_environment(),
            cwd="/",
        )
    except OSError as error:
        ours.close()
        raise WorkerLost(f"a worker process cannot be made: {error.strerror or error}") from error
    finally:
        theirs.close()
    worker = ExecWorker(process, on_answer, on_death)
    await asyncio.get_running_loop().create_unix_connection(lambda: worker, sock=ours)
    return worker


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    kept.update(dict.fromkeys(SINGLE_THREADED, "1"))
    kept["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)  # the child sees the modules that we see
    kept["PYTHONNOUSERSITE"] = "1"
    kept[MAX_PIXELS_VARIABLE] = "50000000"
    return kept


class ExecWorker(asyncio.Protocol):
    """See Worker."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        on_answer: Callable[[list[Any]], None],
        on_death: Callable[[WorkerLost], None],
    ) -> None:
        assert process.stderr is not None
        self._process = process
        self._on_answer = on_answer
        self._on_death = on_death
        self._decoder = wire.Decoder()
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.Event()
        self._killed_for = ""
        self._stderr = process.stderr
        self._last_words = bytearray()
        self._loop = asyncio.get_running_loop()
        self._pidfd = os.pidfd_open(process.pid)
        os.set_blocking(self._stderr.fileno(), False)
        self._loop.add_reader(self._stderr.fileno(), self._hear)
        self._loop.add_reader(self._pidfd, self._bury)

    @property
    def pid(self) -> int:
        return self._process.pid

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
        if not self._gone.is_set():
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
        try:
            async with asyncio.timeout(STOP_S):
                await self._gone.wait()
        except TimeoutError:
            self.kill()
            await self._gone.wait()

    def _hear(self) -> None:
        try:
            piece = os.read(self._stderr.fileno(), 65536)
        except BlockingIOError:
            return
        if not piece:
            self._loop.remove_reader(self._stderr.fileno())
        self._last_words += piece
        del self._last_words[:-STDERR_BYTES]

    def _bury(self) -> None:
        code = self._process.poll()
        if code is None:
            return
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._hear()
        self._loop.remove_reader(self._stderr.fileno())
        self._stderr.close()
        if self._transport is not None:
            self._transport.close()
        self._gone.set()
        how = f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with code {code}"
        why = f" ({self._killed_for})" if self._killed_for else ""
        self._on_death(WorkerLost(f"worker {self.pid} {how}{why}", self._last_words.decode(errors="replace").strip()))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
