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
from collections.abc import Callable, Mapping
from typing import Any, Protocol

START_NS = 1_000_000_000_000  # a host that has been up for a while: 0 would hide a missing offset


class NothingToDo(RuntimeError):
    """Every task waits, and no timer is set: in real life this would hang."""


class _Timer(asyncio.TimerHandle):
    """What the loop knows of its timers."""

    _cancelled: bool


class Machine(Protocol):
    """What moves by itself beside the tasks. `due_us`: when next, in us since START_NS; None: not by itself."""

    @property
    def due_us(self) -> int | None: ...
    def advance(self) -> None:
        """Do what is due now."""


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
    Timers of one time run in the order in which they were set. `machine`, where there is one, moves when no task can,
    before the timers of the same time.
    """

    _ready: deque[asyncio.Handle]
    _stopping: bool

    def __init__(self) -> None:
        self.now_ns = START_NS
        self.machine: Machine | None = None
        self._timers: list[tuple[float, int, _Timer]] = []  # tuples are compared in C, handles would be in Python
        self._timers_set = 0
        super().__init__(_BlindSelector())
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Virtual seconds."""
        return self.now_ns / 1e9

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Any = None) -> _Timer:  # type: ignore[override]  # mypy's stubs want TypeVarTuple here
        """See asyncio."""
        timer = _Timer(when, callback, args, self, context)
        self._timers_set += 1
        heapq.heappush(self._timers, (when, self._timers_set, timer))
        return timer

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None) -> _Timer:  # type: ignore[override]
        """See asyncio."""
        return self.call_at(self.now_ns / 1e9 + delay, callback, *args, context=context)

    def leap(self, to_ns: int) -> bool:
        """Move the clock to a time, unless something has to be done before or just then; say whether it moved."""
        if self._ready or self._stopping:
            return False
        first_s = self._first_s()
        if first_s is not None and first_s * 1e9 <= to_ns:
            return False
        self.now_ns = max(self.now_ns, to_ns)
        return True

    def close(self) -> None:
        """See asyncio."""
        self._timers.clear()
        super().close()

    def _first_s(self) -> float | None:
        """Return when the next timer is due, and forget the cancelled ones before it."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing to count: a cancelled timer is forgotten when it comes first."""

    def _run_once(self) -> None:
        ready, timers = self._ready, self._timers
        first_s = self._first_s()
        if not ready and not self._stopping:
            due_us = self.machine.due_us if self.machine is not None else None
            if due_us is not None and (first_s is None or START_NS + due_us * 1000 <= first_s * 1e9):
                assert self.machine is not None
                self.now_ns = max(self.now_ns, START_NS + due_us * 1000)
                self.machine.advance()
                return
            if first_s is None:
                raise NothingToDo("all tasks wait and no timer is set")
            self.now_ns = max(self.now_ns, math.ceil(first_s * 1e9))
        soon = self.now_ns / 1e9 + 1e-9
        while first_s is not None and first_s < soon:
            ready.append(heapq.heappop(timers)[2])
            first_s = self._first_s()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()
