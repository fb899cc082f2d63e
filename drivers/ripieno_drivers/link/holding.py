"""Pulses that are not due yet wait here, not on the board; docs/decisions/0020-released-late.md.

A new session cancels what waits on a board, so an act that was sent long before its time is lost with every reset and
every lost line; here it outlives them. It is released 250 ms ahead: the board itself gives up after 300 ms of silence,
so an act on it survives every standstill of the host that the board survives. Nothing of a held pulse is durable or
sent: it has no id and no intent yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ripieno.values import Act, Pulse, Trigger

from .core import Link
from .messages import POSITION_VALID, Welcome

AHEAD_US: Final = 250_000
MARGIN_MM: Final = 20.0
"""A belt that starts from rest is noticed with the next SAMPLE, 20 ms later; at 1 m/s it has then moved so far."""
PATIENCE_US: Final = 1_000_000
"""After so long without a session nobody knows where the belt is, and what is held is given up."""
SPEED_OVER_US: Final = 60_000
BACK_MM: Final = 1.0
"""A count that is further back than this after a reset began anew: positions of before mean nothing."""
_STALE: Final = -1
"""The next deadline by time must be looked for."""
LOST: Final = "the board lost its position"


@dataclass(slots=True, eq=False)
class Held:
    """One pulse. `go` begins it, `drop` says why it will not be; one of them is called, once."""

    pulse: Pulse
    epoch: int
    go: Callable[[], None]
    drop: Callable[[str], None]


class Holding:
    """Every held pulse of one board."""

    def __init__(self, counts_per_mm: float) -> None:
        self._counts_per_mm = counts_per_mm
        self._held: list[Held] = []
        self._trail: deque[tuple[int, int]] = deque()
        self._down_us: int | None = None
        self._boot = self._count = 0
        self._next_us: int | None = _STALE
        self._look = False
        """Something has changed by which a pulse may be due; else only time can bring that about."""

    def __len__(self) -> int:
        return len(self._held)

    def wants(self, pulse: Pulse, link: Link, now_us: int) -> bool:
        """Say whether a pulse is too early to be sent; what cannot be judged is sent at once."""
        return link.is_up and not self._is_due(pulse, link, now_us)

    def enter(self, held: Held) -> None:
        """Hold a pulse."""
        self._held.append(held)
        self._look = True
        self._next_us = _STALE

    def leave(self, held: Held) -> None:
        """Nobody wants it any more."""
        if held in self._held:
            self._held.remove(held)
            self._next_us = _STALE

    def withdraw(self, act: Act) -> bool:
        """Drop an act; False if it is not here."""
        return bool(self._drop(lambda held: held.pulse.act == act, "withdrawn before it was sent"))

    def drop_all(self, why: str) -> None:
        """Drop everything."""
        self._drop(lambda held: True, why)

    def session_up(self, welcome: Welcome, link: Link, now_us: int) -> None:
        """Drop what is told in a position that the board does not know any more."""
        self._down_us = None
        self._look = True
        self._trail.clear()
        is_lost = not welcome.state & POSITION_VALID
        if link.boot != self._boot:
            is_lost = is_lost or link.count < self._count - BACK_MM * self._counts_per_mm
            self._boot = link.boot
        by_position = self._by_position
        self._drop(lambda held: held.epoch != welcome.journal_epoch or (is_lost and by_position(held)), LOST)

    def session_lost(self, now_us: int) -> None:
        """Wait for the next one, for a while."""
        self._down_us = now_us if self._down_us is None else self._down_us

    def moved(self, at_us: int, count: int) -> None:
        """Take the belt's newest place, for its speed."""
        self._look = True
        self._count = count
        self._trail.append((at_us, count))
        while len(self._trail) > 2 and at_us - self._trail[1][0] >= SPEED_OVER_US:
            self._trail.popleft()

    def release(self, link: Link, now_us: int) -> None:
        """Let go what is due."""
        if not self._held:
            return
        if link.is_up:
            due_us = self.next_deadline()
            if not self._look and (due_us is None or now_us < due_us):
                return
            self._look = False
            due = [held for held in self._held if self._is_due(held.pulse, link, now_us)]
            for held in due:
                self.leave(held)
                held.go()
        elif self._down_us is not None and now_us - self._down_us >= PATIENCE_US:
            self.drop_all("link down")

    def next_deadline(self) -> int | None:
        """Return when a pulse by time is due; those by position are looked at with every SAMPLE."""
        if not self._held:
            return None
        if self._down_us is not None:
            return self._down_us + PATIENCE_US
        if self._next_us == _STALE:
            times = (_at_us(held.pulse) for held in self._held if held.pulse.trigger is Trigger.TIME)
            self._next_us = min((at_us - AHEAD_US for at_us in times), default=None)
        return self._next_us

    def _is_due(self, pulse: Pulse, link: Link, now_us: int) -> bool:
        if pulse.trigger is Trigger.TIME:
            return now_us >= _at_us(pulse) - AHEAD_US
        if pulse.trigger is not Trigger.POSITION or len(self._trail) < 2:
            return True
        (before_us, before), (at_us, count) = self._trail[0], self._trail[-1]
        speed = max(0.0, (count - before) / max(1, at_us - before_us))
        reach = count + speed * (now_us - at_us + AHEAD_US) + MARGIN_MM * self._counts_per_mm
        return not pulse.begin * self._counts_per_mm > reach

    def _drop(self, wanted: Callable[[Held], bool], why: str) -> int:
        dropped = [held for held in self._held if wanted(held)]
        for held in dropped:
            self.leave(held)
            held.drop(why)
        return len(dropped)

    @staticmethod
    def _by_position(held: Held) -> bool:
        return held.pulse.trigger is Trigger.POSITION


def _at_us(pulse: Pulse) -> int:
    return int(pulse.begin) // 1000
