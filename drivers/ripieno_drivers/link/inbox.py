"""What a line has read and the device has not looked at yet; bounded, the oldest go first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

MAX_BYTES: Final = 65_536
OVER_US: Final = 1_000_000
"""After so long without a byte thrown away it is over."""


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


class Drops:
    """Tells once that bytes are thrown away, and once that it is over, with how many. Of one opened line."""

    def __init__(self, inbox: Inbox, say: Callable[[str], None]) -> None:
        self._inbox = inbox
        self._say = say
        self._told = self._seen = self._seen_us = 0

    def look(self, now_us: int, *, ends: bool = False) -> None:
        """Call it now and then, and with `ends` when the line is given back."""
        dropped = self._inbox.dropped_bytes
        if dropped > self._seen:
            if self._seen == self._told:
                self._say(f"more comes than is read: of {MAX_BYTES} bytes that wait the oldest are thrown away")
            self._seen, self._seen_us = dropped, now_us
        if self._seen > self._told and (ends or now_us - self._seen_us >= OVER_US):
            self._say(f"no more is thrown away; it was {self._seen - self._told} bytes")
            self._told = self._seen
