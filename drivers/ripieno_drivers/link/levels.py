"""The last setpoint of each output, renewed every third of its lease; docs/link-protocol.md section 2, SET."""

from __future__ import annotations

from dataclasses import dataclass

from .core import Link


@dataclass(slots=True)
class _Level:
    value: int
    lease_ms: int
    due_us: int


class Levels:
    """By channel. A level is sent only while its channel is armed: the board would refuse it."""

    def __init__(self) -> None:
        self._levels: dict[int, _Level] = {}

    def put(self, channel: int, value: int, lease_ms: int, now_us: int) -> None:
        self._levels[channel] = _Level(value, lease_ms, now_us)

    def drop(self, channel: int) -> None:
        """The board says that it cannot obey this one; asking again would not help."""
        self._levels.pop(channel, None)

    def serve(self, link: Link, now_us: int) -> None:
        """Queue what is due."""
        for channel, level in self._levels.items():
            due = level.due_us <= now_us and link.armed >> channel & 1
            if due and link.set(channel, level.value, level.lease_ms):
                level.due_us = now_us + level.lease_ms * 1000 // 3

    def renew_all(self, now_us: int) -> None:
        """A session began or outputs were armed: the board may have let the levels lapse."""
        for level in self._levels.values():
            level.due_us = now_us

    def let_lapse(self, link: Link) -> None:
        """Queue leases of 1 ms: the board itself then takes each channel's safe value."""
        for channel, level in self._levels.items():
            if link.armed >> channel & 1:
                link.set(channel, level.value, 1)

    def next_deadline(self, link: Link) -> int | None:
        return min((level.due_us for channel, level in self._levels.items() if link.armed >> channel & 1), default=None)
