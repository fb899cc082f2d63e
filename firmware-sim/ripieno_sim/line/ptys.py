"""A rig behind a real pseudo-terminal, in wall-clock time: the one place of the simulation that touches the system.

The host opens the path as it would open a serial port. It may close and open it again: the slave is also held open
here, so the master never sees a hang-up. What the host does not read in time is lost, as on a UART.
"""

import asyncio
import ctypes
import fcntl
import os
import termios
import time
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

__all__ = ["Alarm", "PtyPort"]

VERY_LATE_US = 50_000
_READ_BYTES = 4096
_TFD_CLOEXEC_NONBLOCK = os.O_CLOEXEC | os.O_NONBLOCK
_TFD_TIMER_ABSTIME = 1


class RunningRig(Protocol):
    """What the port needs of a rig."""

    now_us: int

    @property
    def finished(self) -> bool:
        """Whether the last part has left."""

    def send(self, written: bytes, now_us: int) -> None:
        """Take what the host wrote."""

    def advance(self, now_us: int) -> bytes:
        """Let time pass; return what reached the host."""

    def next_deadline_us(self) -> int | None:
        """Return when something happens."""


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("every", _Timespec), ("first", _Timespec))


class Alarm:
    """Calls back at a monotonic time, to some 50 us: a timerfd in the loop, because loops wait in whole milliseconds.

    Raises:
        OSError: the system has no timerfd.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.timerfd_create(time.CLOCK_MONOTONIC, _TFD_CLOEXEC_NONBLOCK)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._loop, self._ring = loop, ring
        loop.add_reader(self._fd, self._rang)

    def set(self, at_ns: int | None) -> None:
        """Ring at a monotonic time (at once if it has passed), or not at all."""
        at_ns = 0 if at_ns is None else max(1, at_ns)
        setting = _Itimerspec(_Timespec(0, 0), _Timespec(*divmod(at_ns, 1_000_000_000)))
        self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(setting), None)

    def close(self) -> None:
        """Ring no more."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _rang(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return  # it was set anew between the wake-up and this call
        self._ring()


class PtyPort:
    """Keeps a rig running behind `path`, a symbolic link to the pseudo-terminal, inside `async with`.

    Args:
        rig: its time 0 is the moment of entering.
        path: where the host finds the port; its folder is made. The link is there as long as the port is open.
    """

    def __init__(self, rig: RunningRig, path: Path) -> None:
        self.path = path
        self.lost_bytes = 0
        self._rig = rig
        self._finished = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Open the terminal and start the rig's time."""
        loop = asyncio.get_running_loop()
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._name = os.ttyname(self._slave)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self._name)
        fresh.replace(self.path)
        self._loop = loop
        self._began_ns = time.monotonic_ns() - self._rig.now_us * 1000
        self._alarm = Alarm(loop, self.wake)
        loop.add_reader(self._master, self.wake)
        self.wake()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the terminal and take the link away."""
        self._loop.remove_reader(self._master)
        self._alarm.close()
        if self.path.is_symlink() and str(self.path.readlink()) == self._name:
            self.path.unlink()
        os.close(self._master)
        os.close(self._slave)

    def now_us(self) -> int:
        """Return the rig's time."""
        return (time.monotonic_ns() - self._began_ns) // 1000

    def let_go(self) -> None:
        """Take away the exclusive mark of a host that has died: a real port loses it with its last close, and here the
        slave stays open.
        """
        fcntl.ioctl(self._slave, termios.TIOCNXCL)

    async def finished(self) -> None:
        """Wait until the last part has left the belt."""
        await self._finished.wait()

    def wake(self) -> None:
        """Bring the rig to the present; call it after changing the rig by hand.

        When the loop was very late, what the host wrote meanwhile counts as written at the first instant missed: a
        slow simulation must not look to the board like a silent host. A little lateness is left as it is: bytes that
        came before they were written make round trips shorter than the wire allows, and clocks are set by those.
        """
        rig, now_us = self._rig, self.now_us()
        written = self._read()
        if written:
            due_us = rig.next_deadline_us()
            rig.send(written, now_us if due_us is None or now_us - due_us < VERY_LATE_US else due_us)
        arrived = rig.advance(now_us)
        if arrived:
            self._write(arrived)
        if rig.finished:
            self._finished.set()
        due_us = rig.next_deadline_us()
        self._alarm.set(None if due_us is None else self._began_ns + due_us * 1000)

    def _read(self) -> bytes:
        try:
            return os.read(self._master, _READ_BYTES)
        except BlockingIOError:
            return b""

    def _write(self, arrived: bytes) -> None:
        try:
            taken = os.write(self._master, arrived)
        except BlockingIOError:
            taken = 0
        self.lost_bytes += len(arrived) - taken
