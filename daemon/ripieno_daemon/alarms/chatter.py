"""Chatter: an alarm that comes and goes several times a minute, and teaches people to look away.

ISA-18.2 (and EEMUA 191) call an alarm chattering that is raised three times or more within a minute. Such a one is held
on the list until it has been quiet for a minute, and its coming and going is counted, not told.
"""

from __future__ import annotations

from collections import deque
from typing import Final

TIMES: Final = 3
WITHIN_NS: Final = 60_000_000_000
MOST_NAMES: Final = 1000

Key = tuple[str, str]


class Chatter:
    """When each alarm was raised lately, and which of them chatter; times on a clock that never goes back."""

    def __init__(self) -> None:
        self._raised: dict[Key, deque[int]] = {}
        self._quiet: dict[Key, int | None] = {}  # of those that chatter: since when it is quiet, None: it stands

    def raised(self, key: Key, now_ns: int) -> bool:
        """Note that an alarm was raised; return whether that makes it a chattering one."""
        times = self._raised.setdefault(key, deque(maxlen=TIMES))
        times.append(now_ns)
        if len(self._raised) > MOST_NAMES:
            del self._raised[next(iter(self._raised))]
        if key in self._quiet:
            self._quiet[key] = None
            return False
        if len(times) < TIMES or now_ns - times[0] > WITHIN_NS:
            return False
        self._quiet[key] = None
        return True

    def holds(self, key: Key) -> bool:
        """Whether this one chatters."""
        return key in self._quiet

    def is_quiet(self, key: Key) -> bool:
        """Whether this one chatters, and does not stand at the moment."""
        return self._quiet.get(key) is not None

    def returned(self, key: Key, now_ns: int) -> None:
        """One that chatters has returned to normal, for now."""
        if self._quiet[key] is None:
            self._quiet[key] = now_ns

    def calmed(self, now_ns: int) -> list[Key]:
        """Return, once, those that have been quiet for a minute: they have returned to normal."""
        calm = [key for key, since in self._quiet.items() if since is not None and now_ns - since >= WITHIN_NS]
        for key in calm:
            self.forget(key)
        return calm

    def forget(self, key: Key) -> None:
        """Begin anew with this one."""
        self._quiet.pop(key, None)
        self._raised.pop(key, None)
