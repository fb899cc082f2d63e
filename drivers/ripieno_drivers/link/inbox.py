"""What a line has read and the device has not looked at yet; bounded, the oldest go first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

MAX_BYTES: Final = 65_536


class Wakes(Protocol):
    """Whoever must look again; an asyncio.Event is one."""

    def set(self) -> None: ...


class Inbox:
    """Of one opened line. Its two methods `take` are the line's callbacks; they only note and wake."""

    def __init__(self, wake: Wakes, now_us: Callable[[], int]) -> None:
        self._wake = wake
        self._now_us = now_us
        self._chunks: deque[tuple[bytes, int]] = deque()
        self._bytes = 0
        self.dropped_bytes = 0
        self.loss = ""

    def take(self, received: bytes) -> None:
        self._chunks.append((received, self._now_us()))
        self._bytes += len(received)
        while self._bytes > MAX_BYTES and len(self._chunks) > 1:
            oldest, _ = self._chunks.popleft()
            self._bytes -= len(oldest)
            self.dropped_bytes += len(oldest)
        self._wake.set()

    def take_loss(self, why: str) -> None:
        self.loss = self.loss or why or "the line is gone"
        self._wake.set()

    def emptied(self) -> list[tuple[bytes, int]]:
        """Return the chunks, the oldest first, each with when it was read (host us)."""
        chunks = list(self._chunks)
        self._chunks.clear()
        self._bytes = 0
        return chunks
