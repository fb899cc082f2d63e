"""A port: a folder watched with inotify(7), or, where the kernel gives none, looked at every 20 ms.

A file counts when it is whole: closed after writing, or moved in.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ripieno.errors import DeviceError

POLL_S: Final = 0.02
MISSING_S: Final = 0.5
READ_BYTES: Final = 65_536
_CLOSE_WRITE, _MOVED_TO, _DELETE_SELF, _MOVE_SELF = 0x8, 0x80, 0x400, 0x800
_OVERFLOW, _IGNORED, _ISDIR, _ONLYDIR = 0x4000, 0x8000, 0x4000_0000, 0x0100_0000
_EVENT = struct.Struct("iIII")


class FolderWatch:
    """The `Folder` of a real machine. `say` is told once for each folder that must be polled."""

    def __init__(self, say: Callable[[str], None] = lambda text: None) -> None:
        self._say = say

    async def watch(self, path: str, existing: bool, on_new: Callable[[str], None]) -> Callable[[], None]:
        """Call `on_new(name)` for each whole file; those that lie there are called, by name, before this returns.

        Raises:
            DeviceError: the folder does not exist or may not be read.
        """
        watching = _Watching(path, on_new, self._say)
        watching.begin(existing)
        return watching.stop

    def remove(self, path: str) -> None:
        """Delete a file; one that is gone or protected is left."""
        try:
            Path(path).unlink()
        except OSError:
            pass  # the camera or a person was faster, or the folder is read-only: the next start counts again


class _Watching:
    def __init__(self, path: str, on_new: Callable[[str], None], say: Callable[[str], None]) -> None:
        self._path = path
        self._on_new = on_new
        self._say = say
        self._loop = asyncio.get_running_loop()
        self._known: dict[str, tuple[int, int]] = {}
        self._growing: dict[str, tuple[int, int]] = {}
        self._fd = -1
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, existing: bool) -> None:
        self._listed()  # raises before anything is opened
        try:
            self._fd = _inotify(self._path)
        except OSError as error:
            self._say(f"{self._path}: no inotify ({error.strerror}); looking every {POLL_S * 1000:g} ms")
        self._known = self._listed()
        if existing:
            for name in sorted(self._known):
                self._on_new(name)
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._read)
        else:
            self._timer = self._loop.call_later(POLL_S, self._look)

    def stop(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _listed(self) -> dict[str, tuple[int, int]]:
        """Return (mtime ns, size) of each regular file."""
        found: dict[str, tuple[int, int]] = {}
        try:
            with os.scandir(self._path) as entries:
                for entry in entries:
                    try:
                        status = entry.stat()
                    except OSError:
                        continue  # gone between the two calls
                    if stat.S_ISREG(status.st_mode):
                        found[entry.name] = (status.st_mtime_ns, status.st_size)
        except OSError as error:
            raise DeviceError(f"{self._path}: {_mend(error)}") from error
        return found

    def _read(self) -> None:
        try:
            received = os.read(self._fd, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        place = 0
        while place + _EVENT.size <= len(received):
            _, mask, _, length = _EVENT.unpack_from(received, place)
            place += _EVENT.size
            name = os.fsdecode(received[place : place + length].rstrip(b"\0"))
            place += length
            if mask & _OVERFLOW:
                self._rescan()
            elif mask & (_IGNORED | _DELETE_SELF | _MOVE_SELF):
                self._gone()
                return
            elif name and not mask & _ISDIR:
                self._found(name)

    def _found(self, name: str) -> None:
        try:
            status = os.stat(f"{self._path}/{name}")  # noqa: PTH116  # for each picture: no Path objects
        except OSError:
            return
        seen = (status.st_mtime_ns, status.st_size)
        if self._known.get(name) != seen:
            self._known[name] = seen
            self._on_new(name)
        if len(self._known) > 10_000:
            self._forget_removed()

    def _forget_removed(self) -> None:
        try:
            there = self._listed()
        except DeviceError:
            return
        self._known = {name: seen for name, seen in self._known.items() if name in there}

    def _rescan(self) -> None:
        """The kernel dropped events: what changed since is found by looking."""
        try:
            found = self._listed()
        except DeviceError:
            return
        changed = [name for name, seen in found.items() if self._known.get(name) != seen]
        self._known = found
        for name in sorted(changed, key=lambda name: (found[name], name)):
            self._on_new(name)

    def _look(self) -> None:
        """Polling: a file is whole when two looks find it unchanged."""
        self._timer = self._loop.call_later(POLL_S, self._look)
        try:
            found = self._listed()
        except DeviceError:
            self._growing.clear()
            return
        new = {name: seen for name, seen in found.items() if self._known.get(name) != seen}
        whole = [name for name, seen in new.items() if self._growing.get(name) == seen]
        self._growing = new
        self._known = {name: seen for name, seen in self._known.items() if name in found}
        for name in sorted(whole, key=lambda name: (found[name], name)):
            self._known[name] = found[name]
            self._on_new(name)

    def _gone(self) -> None:
        """The folder itself was deleted or moved: come back when there is one again; its files are then new."""
        self.stop()
        self._known.clear()
        self._say(f"{self._path}: the folder is gone; waiting for it")
        self._timer = self._loop.call_later(MISSING_S, self._return)

    def _return(self) -> None:
        try:
            self.begin(existing=True)
        except DeviceError:
            self._timer = self._loop.call_later(MISSING_S, self._return)


def _inotify(path: str) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        fd: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    except AttributeError:
        raise OSError(errno.ENOSYS, "not on this system") from None
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    mask = _CLOSE_WRITE | _MOVED_TO | _DELETE_SELF | _MOVE_SELF | _ONLYDIR
    if libc.inotify_add_watch(fd, os.fsencode(path), ctypes.c_uint32(mask)) < 0:
        number = ctypes.get_errno()
        os.close(fd)
        raise OSError(number, os.strerror(number))
    return fd


def _mend(error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return "no such folder; create it, or correct `path`"
    if error.errno == errno.ENOTDIR:
        return "is no folder; correct `path`"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "may not be read; let the daemon's user read and write it"
    return error.strerror or str(error)
