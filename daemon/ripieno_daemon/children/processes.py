"""The port: makes processes for drivers and memory that they share with workers.

A line is a pair of SOCK_SEQPACKET sockets: whole messages, never waited for. A death is seen through a pidfd. Memory is
a memfd that only this process keeps open: it goes when the daemon goes, and outlives each child that writes into it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from typing import Final

from ripieno.contracts.ports import SharedMemory
from ripieno.errors import DeviceError
from ripieno_daemon.processes.started import start
from ripieno_daemon.processes.watched import Watched

BEGIN: Final = "ripieno_daemon.childhood"
NICE: Final = 5  # decoding a video must not starve the control process
STOP_S: Final = 1.0
MESSAGE_BYTES: Final = 65_536
WORDS_BYTES: Final = 4096


class ChildProcesses:
    """See contracts.ports.Processes. To be used on the main thread's loop (see processes/mortality.py)."""

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
            process = start(["-m", BEGIN, *words], (theirs.fileno(), memory.fd))
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
        self._line, self._on_message, self._on_end = line, on_message, on_end
        self._watched = Watched(process, self._ended, WORDS_BYTES)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(line.fileno(), self._hear)

    @property
    def pid(self) -> int:
        return self._watched.pid

    def send(self, message: bytes) -> bool:
        try:
            return self._line.fileno() >= 0 and self._line.send(message) == len(message)
        except OSError:
            return False  # full: it hangs; broken: it is dead, which is told

    def kill(self) -> None:
        self._watched.kill()

    async def stop(self) -> None:
        self._unhear()
        await self._watched.end(STOP_S)

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

    def _ended(self, how: str, code: int) -> None:
        while self._line.fileno() >= 0:  # what it sent before it died is heard before its death is told
            self._hear()
        words = " ".join(self._watched.last_words.split())[-300:]
        self._on_end(f"its process {self.pid} {how}" + (f": {words}" if words and code else ""))
