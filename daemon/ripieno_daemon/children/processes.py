"""The port: makes processes for drivers and memory that they share with workers.

A line is a pair of SOCK_SEQPACKET sockets: whole messages, never waited for. A death is seen through a pidfd. Memory is
a memfd that only this process keeps open: it goes when the daemon goes, and outlives each child that writes into it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Final

from ripieno.contracts.ports import SharedMemory
from ripieno.errors import DeviceError

BEGIN: Final = "ripieno_daemon.childhood"
NICE: Final = 5  # decoding a video must not starve the control process
STOP_S: Final = 1.0
MESSAGE_BYTES: Final = 65_536
STDERR_BYTES: Final = 4096
KEPT_VARIABLES: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "HOME", "TMPDIR")
SINGLE_THREADED: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class ChildProcesses:
    """See contracts.ports.Processes. To be used on the main thread's loop (see workers/mortality.py)."""

    def memory(self, name: str) -> Memory:
        """Return memory of size 0; the first child that maps it makes it as large as it needs."""
        try:
            fd = os.memfd_create(f"ripieno {name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            # A reader that has mapped it would die of SIGBUS if it shrank.
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        except OSError as error:
            raise DeviceError(f"{name}: no shared memory: {error.strerror or error}") from error
        return Memory(fd)

    async def start(
        self,
        module: str,
        arguments: Sequence[str],
        memory: SharedMemory,
        on_message: Callable[[bytes], None],
        on_end: Callable[[str], None],
    ) -> ExecChild:
        """See contracts.ports.Processes.start."""
        assert isinstance(memory, Memory)
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        except OSError as error:
            raise DeviceError(f"no line to a process: {error.strerror or error}") from error
        ours.setblocking(False)
        words = [module, str(theirs.fileno()), str(memory.fd), str(os.getpid()), str(NICE), *arguments]
        try:
            process = subprocess.Popen(  # noqa: ASYNC220 - vfork, 1-3 ms; off the main thread PDEATHSIG would fire early
                [sys.executable, "-P", "-m", BEGIN, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(theirs.fileno(), memory.fd),
                env=_environment(),
                cwd="/",
            )
        except OSError as error:
            ours.close()
            raise DeviceError(f"a process cannot be made: {error.strerror or error}") from error
        finally:
            theirs.close()
        return ExecChild(process, ours, on_message, on_end)


class Memory:
    """A memfd. See contracts.ports.SharedMemory."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._ref = f"/proc/{os.getpid()}/fd/{fd}#{os.fstat(fd).st_ino}"

    @property
    def ref(self) -> str:
        """The path under which a process of the same user opens it, and the number of the file that it must be."""
        return self._ref

    def close(self) -> None:
        """Close it; it lives on where it is mapped."""
        os.close(self.fd)


class ExecChild:
    """See contracts.ports.Child."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        line: socket.socket,
        on_message: Callable[[bytes], None],
        on_end: Callable[[str], None],
    ) -> None:
        assert process.stderr is not None
        self._process, self._line, self._stderr = process, line, process.stderr
        self._on_message, self._on_end = on_message, on_end
        self._last_words = bytearray()
        self._gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._pidfd = os.pidfd_open(process.pid)
        os.set_blocking(self._stderr.fileno(), False)
        self._loop.add_reader(line.fileno(), self._hear)
        self._loop.add_reader(self._stderr.fileno(), self._overhear)
        self._loop.add_reader(self._pidfd, self._bury)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: bytes) -> bool:
        try:
            return self._line.fileno() >= 0 and self._line.send(message) == len(message)
        except OSError:
            return False  # full: it hangs; broken: it is dead, which is told

    def kill(self) -> None:
        if not self._gone.is_set():
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)

    async def stop(self) -> None:
        self._unhear()
        try:
            async with asyncio.timeout(STOP_S):
                await self._gone.wait()
        except TimeoutError:
            self.kill()
            await self._gone.wait()

    def _hear(self) -> None:
        try:
            message = self._line.recv(MESSAGE_BYTES)
        except (BlockingIOError, ConnectionResetError):
            # Reset: it died without having read all of ours. Linux tells that first and once; what it had sent before
            # is still there.
            return
        except OSError:
            message = b""
        if message:
            self._on_message(message)
        else:
            self._unhear()  # its end is closed: the pidfd tells the rest

    def _unhear(self) -> None:
        if self._line.fileno() >= 0:
            self._loop.remove_reader(self._line.fileno())
            self._line.close()

    def _overhear(self) -> None:
        try:
            piece = os.read(self._stderr.fileno(), MESSAGE_BYTES)
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
        while self._line.fileno() >= 0:  # what it sent before it died is heard before its death is told
            self._hear()
        self._overhear()
        self._loop.remove_reader(self._stderr.fileno())
        self._stderr.close()
        self._gone.set()
        self._on_end(self._obituary(code))

    def _obituary(self, code: int) -> str:
        how = f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with code {code}"
        words = " ".join(self._last_words.decode(errors="replace").split())[-300:]
        return f"its process {self.pid} {how}" + (f": {words}" if words and code else "")


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    kept.update(dict.fromkeys(SINGLE_THREADED, "1"))
    kept["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)  # the child sees the modules that we see
    kept["PYTHONNOUSERSITE"] = "1"
    return kept


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
