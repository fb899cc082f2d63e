"""Which entries are wanted, as a person says it: about what, from when to when, how bad at least."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from ripieno.errors import RipienoError

from .entry import LEVELS, Entry

_SPAN: Final = re.compile(r"([0-9]+)\s*(s|min|m|h|d)")
_UNITS_S: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


class BadWish(RipienoError):
    """Nobody knows what is wanted; the message says how it is said."""


@dataclass(frozen=True, slots=True)
class Wish:
    """`about`: of entry.ABOUT, by name; times are UTC microseconds. The default is everything."""

    about: Mapping[str, str] = field(default_factory=dict)
    since_us: int | None = None
    until_us: int | None = None
    level: str = "info"

    def takes(self, entry: Entry) -> bool:
        """Whether this entry is wanted."""
        return (
            all(entry.about.get(name) == value for name, value in self.about.items())
            and (self.since_us is None or entry.at_us >= self.since_us)
            and (self.until_us is None or entry.at_us <= self.until_us)
            and LEVELS[entry.level] <= LEVELS[self.level]
        )


def time_of(words: str, now_us: int) -> int:
    """Return the UTC time (us) of `90s`, `10m`, `2h`, `3d` (so long ago) or an ISO date and time, UTC without a zone.

    Raises:
        BadWish: it is neither.
    """
    if span := _SPAN.fullmatch(words.strip()):
        return now_us - int(span[1]) * _UNITS_S[span[2]] * 1_000_000
    try:
        stamp = datetime.fromisoformat(words.strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise BadWish(f"{words!r} is no time: say 90s, 10m, 2h, 3d or 2026-11-22T14:30 (UTC)") from error
    return round((stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)).timestamp() * 1e6)
