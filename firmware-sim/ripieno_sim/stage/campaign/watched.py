"""A virtual loop that notices when something turns and turns while time stands still: in real life, a core at 100 %."""

from __future__ import annotations

from typing import Final

from ..loop import START_NS, VirtualLoop

MOST_TURNS: Final = 20_000  # at one instant; a start with many events to take up again needs some hundreds


class Spins(Exception):
    """Something turned without an end. `at_us`: plant time."""

    def __init__(self, at_us: int) -> None:
        self.at_us = at_us
        super().__init__(f"more than {MOST_TURNS} turns of the loop at one instant")


class WatchedLoop(VirtualLoop):
    """Raises Spins out of `run_until_complete`."""

    def __init__(self) -> None:
        super().__init__()
        self._at_ns, self._turns = self.now_ns, 0

    def _run_once(self) -> None:
        if self.now_ns != self._at_ns:
            self._at_ns, self._turns = self.now_ns, 0
        self._turns += 1
        if self._turns > MOST_TURNS:
            self._turns = 0
            raise Spins((self.now_ns - START_NS) // 1000)
        super()._run_once()
