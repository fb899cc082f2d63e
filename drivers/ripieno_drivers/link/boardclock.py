"""The board's clock and counter, seen from the host; docs/link-protocol.md section 6.

Board numbers are 32 bits wide and wrap (the time every 71.6 minutes); here they are extended to 64, and the time is
tied to the host's by one of the last 16 exchanges: the one that is least uncertain now, by half of its round trip and
by what the crystals may have drifted apart since.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from .drift import Drift

EXCHANGES: Final = 16
_WRAP: Final = 1 << 32
_HALF: Final = 1 << 31
_AHEAD_US: Final = 1_000_000
"""An instant in the past may seem this far ahead of our estimate of the board's clock, no more."""

_FITS_US: Final = 60_000
"""A WELCOME is some ms old, or some 25 ms more where a HELLO was repeated."""


def signed(bits: int) -> int:
    """Return the i32 whose bits are the low 32 of `bits`."""
    return ((bits + _HALF) % _WRAP) - _HALF


def nearest(bits: int, reference: int) -> int:
    """Return the 64-bit number with these low 32 bits that is nearest to `reference`."""
    return reference + signed(bits - reference)


class _Exchange(NamedTuple):
    round_trip_us: int
    middle_us: int
    offset_us: int


class BoardClock:
    """Host time <-> board time in us. Before the first PONG the offset is a guess from WELCOME with an unknown
    uncertainty.
    """

    def __init__(self) -> None:
        self._last_us = 0
        self._anchor = _Exchange(0, 0, 0)
        self._exchanges: deque[_Exchange] = deque(maxlen=EXCHANGES)
        self.drift = Drift()
        self.uncertainty_us: int | None = None
        """Of the present, as of the last exchange; None before the first."""

    def begin(self, board_us: int, now_us: int, *, same_board: bool = False) -> None:
        """A session begins; `board_us` is WELCOME's, which may be older than this answer (the same nonce gets the
        same answer). Of the same board the rate is kept.
        """
        self._exchanges.clear()
        self.uncertainty_us = None
        self._last_us = board_us
        self._anchor = _Exchange(0, now_us, board_us - now_us)
        if same_board:
            self.drift.another_clock()
        else:
            self.drift.forget()

    def goes_on(self, board_us: int, now_us: int) -> bool:
        """Say whether a WELCOME's time fits to the clock as it was followed until now: a boot id may come again."""
        behind_us = signed(self.to_board_us(now_us) - board_us)
        return -_FITS_US <= behind_us <= _FITS_US

    def exchanged(self, sent_us: int, received_us: int, board_us: int) -> None:
        """Take a PING that was written at `sent_us` and whose PONG, with the board's 32-bit time, was read at
        `received_us`.
        """
        self._last_us = nearest(board_us, self._last_us)
        middle_us = (sent_us + received_us) // 2
        exchange = _Exchange(received_us - sent_us, middle_us, self._last_us - middle_us)
        self._exchanges.append(exchange)
        self.drift.exchanged(*exchange)
        error = self.drift.error
        self._anchor = min(self._exchanges, key=lambda e: e.round_trip_us / 2 + (received_us - e.middle_us) * error)
        self.uncertainty_us = self.uncertainty_at(received_us)

    def uncertainty_at(self, host_us: int) -> int | None:
        """Return by how much the board's time at a host time may be off; None before the first exchange."""
        if not self._exchanges:
            return None
        away_us = abs(host_us - self._anchor.middle_us)
        return (self._anchor.round_trip_us + 1) // 2 + int(away_us * self.drift.error)

    def to_board_us(self, host_us: int) -> int:
        """Return the board's time, 64 bits, at a host time."""
        anchor = self._anchor
        return host_us + anchor.offset_us + round((host_us - anchor.middle_us) * self.drift.rate)

    def host_us_of(self, board_us: int, now_us: int) -> int:
        """Return when an instant of the past, told in the board's 32 bits, was by the host's clock; right for 71
        minutes back.
        """
        latest = self.to_board_us(now_us) + _AHEAD_US
        flat_us = latest - (latest - board_us) % _WRAP - self._anchor.offset_us
        return flat_us - round((flat_us - self._anchor.middle_us) * self.drift.rate)
