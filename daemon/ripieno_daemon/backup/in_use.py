"""Whether a process uses a state directory: by its local socket, and by the files that processes have open."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def user_of(state: Path, proc: Path = Path("/proc")) -> int | None:
    """Return the process that has files of this folder open, 0 where its socket answers but nobody may look who it
    is, None for nobody. Another user's processes are seen by root alone.
    """
    inside = os.path.realpath(state) + os.sep
    for process in proc.iterdir():
        if process.name.isdecimal() and int(process.name) != os.getpid() and _uses(process, inside):
            return int(process.name)
    return 0 if _answers(state / "control.sock") else None


def _uses(process: Path, inside: str) -> bool:
    try:
        for link in (process / "fd").iterdir():
            if str(link.readlink()).startswith(inside):
                return True
    except OSError:
        pass  # it has ended, or is another user's
    return False


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            line.connect(os.fspath(path))
        except OSError:
            return False
        return True
