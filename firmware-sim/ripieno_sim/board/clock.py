"""The board's free-running clock: it begins anywhere, and its crystal is a few parts per million off."""

__all__ = ["BoardClock"]

_MILLION = 1_000_000


class BoardClock:
    """Board time in microseconds, unlimited; the wire carries its low 32 bits.

    Args:
        began_us: true time at which it started.
        start: what it showed then; near 2**32 to see it wrap.
        drift_ppm: positive when it runs fast.
    """

    def __init__(self, began_us: int, start: int = 0, drift_ppm: int = 0) -> None:
        self._began_us = began_us
        self._start = start
        self._drift_ppm = drift_ppm

    def at(self, now_us: int) -> int:
        """Return the board time at a true time."""
        ran = now_us - self._began_us
        return self._start + ran + ran * self._drift_ppm // _MILLION

    def when(self, board_us: int) -> int:
        """Return the first true time at which the board shows `board_us` or more."""
        ran = (board_us - self._start) * _MILLION // (_MILLION + self._drift_ppm)
        true_us = self._began_us + ran
        while self.at(true_us) < board_us:
            true_us += 1
        while self.at(true_us - 1) >= board_us:
            true_us -= 1
        return true_us
