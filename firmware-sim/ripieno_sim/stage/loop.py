"""An asyncio loop in virtual time: waiting costs nothing, and the same seed runs the same way every time.

The loop's selector never looks at a file: asked to wait, it moves the clock. Nothing on this loop may use real I/O,
threads or the
real clock; a wait that nothing would ever end is an error instead of a hang.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Mapping
from typing import Any

START_NS = 1_000_000_000_000  # a host that has been up for a while: 0 would hide a missing offset


class NothingToDo(RuntimeError):
    """Every task waits, and no timer is set: in real life this would hang."""


class _VirtualSelector(selectors.BaseSelector):
    """Registers what asyncio wants registered (its own wake-up pipe), and turns waiting into time."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, fileobj if isinstance(fileobj, int) else fileobj.fileno(), events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingToDo("all tasks wait and no timer is set")
        if timeout > 0:
            self.now_ns += math.ceil(timeout * 1e9)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """Use with `asyncio.Runner(loop_factory=VirtualLoop)`."""

    def __init__(self) -> None:
        self._virtual = _VirtualSelector()
        super().__init__(self._virtual)
        self._clock_resolution = 1e-9

    @property
    def now_ns(self) -> int:
        """Virtual nanoseconds, from START_NS on."""
        return self._virtual.now_ns

    def time(self) -> float:
        """Virtual seconds."""
        return self._virtual.now_ns / 1e9
