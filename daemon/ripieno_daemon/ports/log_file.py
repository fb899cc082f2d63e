"""The daemon's own log: lines in files of a folder, so many and so large at most, written by a thread of its own.

`log` is written, `log.1` is what it was before, and so on. A line is one write at the end of a file, and a file is put
aside by renaming it: a kill at any instant leaves whole files and at most one half line, the last.
"""

from __future__ import annotations

import errno
import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ripieno.errors import StorageError

NAME: Final = "log"
FILE_BYTES: Final = 512 << 10
FILES: Final = 4
MOST_WAITING: Final = 1_000  # lines, while a disk hangs; beyond it they are counted and lost


class LogFile:
    """Writes lines. `lost`: how many a disk did not take, or not soon enough.

    Args:
        folder: is made if absent (0750, so that members of the daemon's group can read it).
    """

    def __init__(self, folder: Path, file_bytes: int = FILE_BYTES, files: int = FILES) -> None:
        self._folder, self._file_bytes, self._files = folder, file_bytes, files
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._fd: int | None = None
        self._size = 0
        self.lost = 0

    def put(self, line: bytes) -> None:
        """Write a line, soon."""
        if self._lines.qsize() >= MOST_WAITING:
            self.lost += 1
            return
        self._lines.put(line)
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="log", daemon=True)
            self._thread.start()

    def close(self, within_s: float = 1.0) -> None:
        """Wait until all lines are written; a disk that hangs is not waited for longer."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(within_s)
            self._thread = None

    def _serve(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._write(line)
            except OSError:  # full, read-only or gone: control and the journal go on, and the next line tries again
                self.lost += 1
                self._let_go()
        self._let_go()

    def _write(self, line: bytes) -> None:
        if self._fd is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._folder.chmod(0o750)  # whatever the umask
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._fd = os.open(self._folder / NAME, flags, 0o640)
            os.fchmod(self._fd, 0o640)
            self._size = os.fstat(self._fd).st_size
            if self._size and not _ends_whole(self._folder / NAME):
                line = b"\n" + line  # what a kill cut short
        written = os.write(self._fd, line)
        if written < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size += written
        if self._size >= self._file_bytes:
            self._let_go()
            self._put_aside()

    def _put_aside(self) -> None:
        for number in range(self._files - 1, 0, -1):
            older, newer = _place(self._folder, number), _place(self._folder, number - 1)
            if newer.exists():
                newer.replace(older)

    def _let_go(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class LogReader:
    """Reads the lines of a folder, also while they are written. Call `lines` again for those that came since."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: tuple[int, int] | None = None  # what is read already: a file, kept open so that it is known again

    def lines(self) -> Iterator[bytes]:
        """Yield whole lines, oldest first. A folder that is not there has none. Raises StorageError: not allowed."""
        held = self._opened()
        seen, offset = self._file if self._file is not None else (None, 0)
        same = [index for index, fd in enumerate(held) if seen is not None and os.path.sameopenfile(fd, seen)]
        try:
            for index, fd in enumerate(held):
                if same and index < same[0]:
                    continue
                offset = offset if [index] == same else 0
                content = os.pread(fd, max(0, os.fstat(fd).st_size - offset), offset)
                whole = content[: content.rfind(b"\n") + 1]
                offset += len(whole)
                yield from whole.splitlines()
        finally:
            self.close()
            for fd in held[:-1]:
                os.close(fd)
            self._file = (held[-1], offset) if held else None

    def close(self) -> None:
        """Give back the file that is kept open."""
        if self._file is not None:
            os.close(self._file[0])
            self._file = None

    def _opened(self) -> list[int]:
        """Open all files; return them the oldest first. Opened the newest first, because files only move that way: one
        that is put aside meanwhile is met twice, and none is missed.
        """
        found: list[int] = []
        for number in range(FILES + 1):
            path = _place(self._folder, number)
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from error
            if any(os.path.sameopenfile(fd, other) for other in found):
                os.close(fd)
            else:
                found.append(fd)
        return found[::-1]


def _place(folder: Path, number: int) -> Path:
    return folder / (f"{NAME}.{number}" if number else NAME)


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
