"""A port: real time, to see whether a driver blocks the loop that it shares with everything else."""

from __future__ import annotations

import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple


class Blocked(Exception):
    """The loop did not come round within the time allowed."""


class Moment(NamedTuple):
    """Real time, what this thread has used of a processor, and how often it gave the processor up to wait."""

    real_ns: int
    used_ns: int
    waits: int


class Stopwatch:
    """Real time of this process."""

    def now(self) -> Moment:
        waits = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
        return Moment(time.monotonic_ns(), time.thread_time_ns(), waits)

    @staticmethod
    def held_up_ns(began: Moment, ended: Moment) -> int:
        """Return for how long a thread was of no use to others by its own doing: it computed, or it waited.

        A processor that another process was given meanwhile is not its doing: without a wait of its own only what it
        computed counts, so a busy machine accuses nobody.
        """
        waited = ended.waits > began.waits
        return ended.real_ns - began.real_ns if waited else ended.used_ns - began.used_ns

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
