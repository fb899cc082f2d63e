"""A port may be named by a pattern: the system gives a board that is plugged in again another name."""

from __future__ import annotations

from collections.abc import Sequence


def is_pattern(port: str) -> bool:
    """Say whether a port's name stands for several."""
    return any(sign in port for sign in "*?[")


class Rotation:
    """Which of the ports that match a pattern is tried next: each in turn."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def order(self, pattern: str, found: Sequence[str]) -> list[str]:
        """Return the found names, those behind the one that was tried last first."""
        last, names = self._last.get(pattern, ""), sorted(found)
        return [name for name in names if name > last] + [name for name in names if name <= last]

    def tried(self, pattern: str, name: str) -> None:
        """Note that a port was opened."""
        self._last[pattern] = name
