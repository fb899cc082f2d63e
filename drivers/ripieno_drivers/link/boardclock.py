"""The board's clock and counter, seen from the host; docs/link-protocol.md section 6.

Board numbers are 32 bits wide and wrap (the time every 71.6 minutes); here they are extended to 64 and the time is
tied to the
host's by the exchange with the smallest round trip among the last 16.
"""

from __future__ import annotations

from collections import deque
from typing import Final

EXCHANGES: Final = 16
_WRAP: Final = 1 << 32
_HALF: Final = 1 << 31
_AHEAD_US: Final = 1_000_000
"""An instant in the past may seem this far ahead of our estimate of the board's clock, no more."""


def signed(bits: int) -> int:
    """Return the i32 whose bits are the low 32 of `bits`."""
    return ((bits + _HALF) % _WRAP) - _HALF


def nearest(bits: int, reference: int) -> int:
    """Return the 64-bit number with these low 32 bits that is nearest to `reference`."""
    return reference + signed(bits - reference)


class BoardClock:
    """Host time <-> board time in us. Before the first PONG the offset is a guess from WELCOME with an unknown
    uncertainty.
    """

    def __init__(self) -> None:
        self._last_us = 0
        self._offset_us = 0
        self._exchanges: deque[tuple[int, int]] = deque(maxlen=EXCHANGES)
        self.uncertainty_us: int | None = None
        """Half of the smallest round trip, None before the first exchange."""

    def begin(self, board_us: int, now_us: int) -> None:
        """A session begins; `board_us` is WELCOME's, which may be older than this answer (the same nonce gets the
        same answer).
        """
        self._exchanges.clear()
        self.uncertainty_us = None
        self._last_us = board_us
        self._offset_us = board_us - now_us

    def exchanged(self, sent_us: int, received_us: int, board_us: int) -> None:
        """Take a PING that was written at `sent_us` and whose PONG, with the board's 32-bit time, was read at
        `received_us`.
        """
        self._last_us = nearest(board_us, self._last_us)
        round_trip_us = received_us - sent_us
        self._exchanges.append((round_trip_us, self._last_us - (sent_us + received_us) // 2))
        best_us, self._offset_us = min(self._exchanges, key=lambda exchange: exchange[0])
        self.uncertainty_us = (best_us + 1) // 2

    def to_board_us(self, host_us: int) -> int:
        return host_us + self._offset_us

    def host_us_of(self, board_us: int, now_us: int) -> int:
        """Return when an instant of the past, told in the board's 32 bits, was by the host's clock; right for 71
        minutes back.
        """
        latest = self.to_board_us(now_us) + _AHEAD_US
        return latest - (latest - board_us) % _WRAP - self._offset_us
