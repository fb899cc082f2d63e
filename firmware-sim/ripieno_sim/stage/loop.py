"""An asyncio loop in virtual time: waiting costs nothing, and the same seed runs the same way every time.

Nothing on this loop may use real I/O, threads or the real clock: it never looks at a file, and where others wait it
moves the clock. A wait that nothing would ever end is an error instead of a hang.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import selectors
from collections import deque
from collections.abc import Mapping
from typing import Any

START_NS = 1_000_000_000_000  # a host that has been up for a while: 0 would hide a missing offset


class NothingToDo(RuntimeError):
    """Every task waits, and no timer is set: in real life this would hang."""


class _Timer(asyncio.TimerHandle):
    """What the loop knows of its timers."""

    _cancelled: bool
    _scheduled: bool
    _when: float


class _BlindSelector(selectors.BaseSelector):
    """Registers what asyncio wants registered (its own wake-up pipe), and never looks at it."""

    def __init__(self) -> None:
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, fileobj if isinstance(fileobj, int) else fileobj.fileno(), events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """Use with `asyncio.Runner(loop_factory=VirtualLoop)`. `now_ns`: virtual nanoseconds, from START_NS on.

    One turn is asyncio's own without what virtual time has no use for: no file is looked at, no slow callback told.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[_Timer]
    _stopping: bool
    _timer_cancelled_count: int

    def __init__(self) -> None:
        self.now_ns = START_NS
        super().__init__(_BlindSelector())
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Virtual seconds."""
        return self.now_ns / 1e9

    def leap(self, to_ns: int) -> bool:
        """Move the clock to a time, unless something has to be done before or just then; say whether it moved."""
        if self._ready or self._stopping:
            return False
        first = self._first()
        if first is not None and first._when * 1e9 <= to_ns:
            return False
        self.now_ns = max(self.now_ns, to_ns)
        return True

    def _first(self) -> _Timer | None:
        """Return the timer that is next, and forget the cancelled ones before it."""
        timers = self._scheduled
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)._scheduled = False
            self._timer_cancelled_count -= 1
        return timers[0] if timers else None

    def _run_once(self) -> None:
        ready = self._ready
        first = self._first()
        if not ready and not self._stopping:
            if first is None:
                raise NothingToDo("all tasks wait and no timer is set")
            self.now_ns = max(self.now_ns, math.ceil(first._when * 1e9))
        soon = self.now_ns / 1e9 + 1e-9
        while first is not None and first._when < soon:
            heapq.heappop(self._scheduled)._scheduled = False
            ready.append(first)
            first = self._first()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()
