"""The engine's clock: nanoseconds that never go back and run on over restarts.

While a process lives it follows the monotonic clock. Over a restart it goes on by what the wall clock says has passed,
or not at all where the wall clock went back (a device without a battery clock starts in the past).
"""

from __future__ import annotations

from ripieno.contracts.ports import Clock


class Timeline:
    """Maps host time (monotonic ns) to engine time.

    Args:
        last_t: engine time of the last durable record, 0 for a new ledger.
        last_wall_ns: UTC at that record, 0 for a new ledger.

    `is_gap_known`: False where the wall clock went back since then: nobody knows how long no process ran.
    """

    def __init__(self, clock: Clock, last_t: int = 0, last_wall_ns: int = 0) -> None:
        self._clock = clock
        self.is_gap_known = clock.wall_ns() >= last_wall_ns
        self.gap_ns = max(0, clock.wall_ns() - last_wall_ns) if last_wall_ns else 0
        self._offset = last_t + self.gap_ns - clock.monotonic_ns()

    def now(self) -> int:
        """Return the engine time."""
        return self._clock.monotonic_ns() + self._offset

    def monotonic_ns(self) -> int:
        """Return the host's monotonic time."""
        return self._clock.monotonic_ns()

    def wall_ns(self) -> int:
        """Return UTC as this machine knows it; for people, never for order."""
        return self._clock.wall_ns()

    def of(self, host_ns: int) -> int:
        """Return the engine time of a host time; 0, "never", stays 0."""
        return host_ns + self._offset if host_ns else 0

    def to_host(self, t: int) -> int:
        """Return the host time of an engine time."""
        return t - self._offset
