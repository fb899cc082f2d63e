"""Notices that the loop is blocked, and where: a thread that looks at the loop's thread from outside.

While Python code blocks, the interpreter still lets this thread in, every 5 ms or so. Code that blocks inside C with
the interpreter's lock is named by faulthandler when the watchdog's SIGABRT comes.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

BEAT_S: Final = 0.25
BLOCKED_S: Final = 1.0
ASLEEP_S: Final = 0.5  # a thread that was due this much earlier did not run because nothing of the process did


@dataclass(frozen=True, slots=True)
class Blocked:
    """The loop stood still. `place`: file, line and function that it stood in; `stack`: how it got there."""

    seconds: float
    place: str
    stack: str


class LoopWatch:
    """Watches the loop of the thread that calls `start`.

    Args:
        on_blocked: called from the watching thread as soon as the loop is blocked for `blocked_s`; it must not touch
            what belongs to the loop.
        on_free: called on the loop when it turns again, with what it had been blocked by, and for how long.
    """

    def __init__(
        self,
        on_blocked: Callable[[Blocked], None],
        on_free: Callable[[Blocked], None],
        blocked_s: float = BLOCKED_S,
    ) -> None:
        self._on_blocked, self._on_free, self._blocked_s = on_blocked, on_free, blocked_s
        self._found: Blocked | None = None
        self._beat_at = time.monotonic()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin; call it on the loop."""
        self._loop, self._ident = asyncio.get_running_loop(), threading.get_ident()
        self._beat()
        self._thread = threading.Thread(target=self._watch, name="loop watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            self._thread.join()

    def _beat(self) -> None:
        now = time.monotonic()
        if self._found is not None:
            found, self._found = self._found, None
            self._on_free(Blocked(now - self._beat_at, found.place, found.stack))
        self._beat_at = now
        self._timer = self._loop.call_later(BEAT_S, self._beat)

    def _watch(self) -> None:
        looked_at = time.monotonic()
        while not self._over.wait(BEAT_S):
            now = time.monotonic()
            slept, looked_at = now - looked_at - BEAT_S, now
            if slept > ASLEEP_S:
                continue  # the whole process was stopped, or the machine: the loop is not to blame, and gets its turn
            blocked_s = now - self._beat_at
            if blocked_s > self._blocked_s and self._found is None:
                frame = sys._current_frames().get(self._ident)
                if frame is None:
                    return
                stack = traceback.extract_stack(frame)
                last = stack[-1]
                place = f"{last.filename}:{last.lineno} in {last.name}"
                found = Blocked(blocked_s, place, "".join(traceback.format_list(stack)))
                self._on_blocked(found)
                self._found = found
