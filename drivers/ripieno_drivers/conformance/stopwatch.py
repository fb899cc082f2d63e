"""A port: real time, to see whether a driver blocks the loop that it shares with everything else."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Blocked(Exception):
    """The loop did not come round within the time allowed."""


class Stopwatch:
    """Real time of this process."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Raise Blocked inside after so much real time; where there is no main thread, wait for ever."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ring(number: int, frame: FrameType | None) -> None:
            raise Blocked(f"not done after {seconds:g} s of real time")

        before = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
