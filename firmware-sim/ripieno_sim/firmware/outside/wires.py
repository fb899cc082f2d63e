"""The two wires of a board outside this process: socket pairs whose far ends the board inherits."""

import os
import socket
from types import TracebackType
from typing import Self

__all__ = ["Wire"]

_READ_BYTES = 4096
_LONGEST_BYTES = 256  # what is longer is no frame and need not wait for its end


class Wire:
    """One wire, in `with`: `fd` is ours, `far_fd` the board's. Nothing waits; what finds no room is lost."""

    def __init__(self) -> None:
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._arrived = b""
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

    def has_arrived(self) -> bool:
        """Take what has arrived; say whether `read` now gives something.

        QEMU writes each byte by itself: to wake a whole simulation for every one of them would cost 10 ms a frame.
        """
        try:
            self._arrived += os.read(self.fd, _READ_BYTES)
        except BlockingIOError:
            pass
        return self._whole() > 0

    def read(self) -> bytes:
        """Return what has arrived up to the last zero, which ends a frame; the rest waits for its own."""
        self.has_arrived()
        whole = self._whole()
        read, self._arrived = self._arrived[:whole], self._arrived[whole:]
        return read

    def write(self, sent: bytes) -> None:
        """Send what there is room for."""
        try:
            taken = os.write(self.fd, sent)
        except BlockingIOError:
            taken = 0
        self.lost_bytes += len(sent) - taken

    def _whole(self) -> int:
        end = self._arrived.rfind(b"\0") + 1
        return end or (len(self._arrived) if len(self._arrived) > _LONGEST_BYTES else 0)
