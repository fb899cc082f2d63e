"""The journal's native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram for each entry, with fields.

A field is `NAME=value\\n`, or, where the value has line breaks, `NAME\\n`, its length in 8 bytes little-endian, the
value, `\\n`. An entry that is too long for a datagram is handed over in a sealed memory file.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Final

SOCKET: Final = Path("/run/systemd/journal/socket")
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def is_ours(environment: MutableMapping[str, str]) -> bool:
    """Whether standard error goes to the journal: systemd gives device and inode of its stream in $JOURNAL_STREAM. It
    is taken out of the environment: a child's standard error is another.
    """
    device, _, inode = environment.pop("JOURNAL_STREAM", "").partition(":")
    try:
        mine = os.fstat(2)
    except OSError:
        return False
    return (device, inode) == (str(mine.st_dev), str(mine.st_ino))


def datagram(fields: Mapping[str, str]) -> bytes:
    """Return one entry as the journal reads it."""
    parts = []
    for name, value in fields.items():
        raw = value.encode(errors="replace")
        if b"\n" in raw:
            parts += [name.encode(), b"\n", len(raw).to_bytes(8, "little"), raw, b"\n"]
        else:
            parts += [name.encode(), b"=", raw, b"\n"]
    return b"".join(parts)


class JournalSocket:
    """A line to the journal. It is never waited for."""

    def __init__(self, path: Path = SOCKET) -> None:
        self._address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)

    def send(self, fields: Mapping[str, str]) -> bool:
        """Hand over one entry; return whether the journal took it."""
        entry = datagram(fields)
        try:
            self._socket.sendto(entry, self._address)
        except OSError as error:
            if error.errno not in (errno.E2BIG, errno.EMSGSIZE):
                return False
            return self._send_file(entry)
        return True

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def _send_file(self, entry: bytes) -> bool:
        try:
            fd = os.memfd_create("journal entry", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            try:
                os.write(fd, entry)
                fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
                self._socket.sendmsg([], rights, 0, self._address)
            finally:
                os.close(fd)
        except OSError:
            return False
        return True
