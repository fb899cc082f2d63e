"""What the ledger could not take, counted until it can say so."""

from __future__ import annotations

import struct


class Gap:
    """A record of kind `gap` has: the first id, how many, and how many of them were of the stream."""

    def __init__(self) -> None:
        self._first, self.count, self._stream = 0, 0, 0

    def note(self, id: int, stream: bool) -> None:
        """A record was refused."""
        self._first = self._first if self.count else id
        self.count += 1
        self._stream += stream

    def take(self) -> tuple[bytes, bool]:
        """Return the payload of the record that says so, and whether it is of the stream; begin to count anew."""
        payload, stream = struct.pack(">qqq", self._first, self.count, self._stream), self._stream > 0
        self._first, self.count, self._stream = 0, 0, 0
        return payload, stream
