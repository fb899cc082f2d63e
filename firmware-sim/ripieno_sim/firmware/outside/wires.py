"""The two wires of a board outside this process: socket pairs whose far ends the board inherits."""

import os
import socket
from types import TracebackType
from typing import Self

__all__ = ["Wire"]

_READ_BYTES = 4096


class Wire:
    """One wire, in `with`: `fd` is ours, `far_fd` the board's. Nothing waits; what finds no room is lost."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self.lost_bytes = 0

    def __enter__(self) -> Self:
        """Return the wire."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close both ends."""
        self._near.close()
        self._far.close()

    @property
    def fd(self) -> int:
        """The end in this process."""
        return self._near.fileno()

    @property
    def far_fd(self) -> int:
        """The end that the board inherits."""
        return self._far.fileno()

    def read(self) -> bytes:
        """Return what has arrived."""
        arrived = b""
        while True:
            try:
                piece = os.read(self.fd, _READ_BYTES)
            except BlockingIOError:
                return arrived
            if not piece:
                return arrived
            arrived += piece

    def write(self, sent: bytes) -> None:
        """Send what there is room for."""
        try:
            taken = os.write(self.fd, sent)
        except BlockingIOError:
            taken = 0
        self.lost_bytes += len(sent) - taken
