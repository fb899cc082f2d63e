"""What one channel tells of the alarms: each change of each alarm once, again while nobody reacts, and not in a flood.

Whoever runs it hands in the list after each change and once a second, and sends what comes back. A flood is more than
ten new alarms in ten minutes for one person (EEMUA 191, ISA-18.2): beyond that, new ones of that severity are counted,
and the count is told once a minute.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ripieno.values.severities import SEVERITIES, rank

from .alarms import ACKNOWLEDGED, LONGEST_LIST, RETURNED, UNACKNOWLEDGED, Alarm

FLOOD: Final = 10
FLOOD_NS: Final = 600_000_000_000
SUMMARY_NS: Final = 60_000_000_000
RAISED, REPEATED, FLOODED, TEST = "raised", "repeated", "flood", "test"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell.

    Attributes:
        what: raised, repeated, acknowledged, returned, flood or test.
        key: under this it is the same notice, however often it is sent.
        suppressed: of a flood: so many new alarms were not told one by one.
    """

    what: str
    key: str
    alarm: Alarm
    suppressed: int = 0

    def fields(self) -> tuple[tuple[str, object], ...]:
        """Return what a message has in it; times are UTC in s."""
        one = self.alarm
        return (
            ("what", self.what),
            ("alarm", one.name),
            ("severity", one.severity),
            ("state", one.state),
            ("text", one.text),
            ("count", one.count),
            ("chatters", one.chatters),
            ("since_s", round(one.since_ns / 1e9, 3)),
            ("last_s", round(one.last_ns / 1e9, 3)),
            ("acknowledged_by", one.seen_by),
            ("suppressed", self.suppressed),
        )


@dataclass(slots=True)
class _Told:
    """The alarm as it was told last, when (monotonic ns), how often it was repeated. `by_count`: in a summary alone."""

    alarm: Alarm
    at_ns: int
    repeats: int = 0
    by_count: bool = False


class Notices:
    """The memory of one channel.

    Args:
        severity: alarms below it are not told here.
        repeat_ns: one that nobody acknowledges is told again after so long; 0: never.
    """

    def __init__(self, severity: str, repeat_ns: int) -> None:
        self._least, self._repeat_ns = rank(severity), repeat_ns
        self._told: dict[str, _Told] = {}
        self._windows: dict[str, deque[int]] = {one: deque(maxlen=FLOOD) for one in SEVERITIES}
        self._held_back: dict[str, Alarm] = {}
        self._summary_ns = 0
        self.suppressed = 0
        """How many new alarms were counted instead of told."""

    def concerns(self, alarm: Alarm) -> bool:
        """Whether this channel tells of such an alarm."""
        return rank(alarm.severity) >= self._least

    def look(self, listed: Sequence[Alarm], now_ns: int) -> list[Notice]:
        """Return what is to be told of the list as it is now."""
        here = {one.name: one for one in listed if self.concerns(one)}
        found = [notice for name in [*self._told] if (notice := self._gone(name, here)) is not None]
        for one in here.values():
            if (notice := self._standing(one, now_ns)) is not None:
                found.append(notice)
        return found + self._summary(now_ns)

    def _gone(self, name: str, here: dict[str, Alarm]) -> Notice | None:
        """Return the notice of an alarm that was told and stands no more."""
        if name in here and here[name].state != RETURNED:
            return None
        told = self._told[name]
        if name in here:
            if told.alarm.state == RETURNED:
                return None
            told.alarm = here[name]
            return None if told.by_count else _notice(RETURNED, told.alarm)
        del self._told[name]
        if told.by_count:
            return None
        if told.alarm.state == RETURNED:  # said before; what ends now is that nobody had seen it
            return _notice(ACKNOWLEDGED, told.alarm)
        if told.alarm.lasts:
            return _notice(RETURNED, replace(told.alarm, has_returned=True))
        return _notice(ACKNOWLEDGED, told.alarm)

    def _standing(self, one: Alarm, now_ns: int) -> Notice | None:
        told = self._told.get(one.name)
        if told is None or (one.state == UNACKNOWLEDGED and told.alarm.state != UNACKNOWLEDGED):
            if one.state != UNACKNOWLEDGED:
                return None  # it was acknowledged before this channel heard of it
            return self._new(one, now_ns)
        if one.state == ACKNOWLEDGED:
            is_news = told.alarm.state != ACKNOWLEDGED and not told.by_count
            told.alarm = one
            return _notice(ACKNOWLEDGED, one) if is_news else None
        if told.by_count:
            return None
        begins_to_chatter = one.chatters and not told.alarm.chatters
        told.alarm = one
        if begins_to_chatter:
            told.at_ns = now_ns
            return _notice(RAISED, one)
        if one.state == UNACKNOWLEDGED and self._repeat_ns and now_ns - told.at_ns >= self._repeat_ns:
            told.at_ns, told.repeats = now_ns, told.repeats + 1
            return _notice(REPEATED, one, told.repeats)
        return None

    def _new(self, one: Alarm, now_ns: int) -> Notice | None:
        window = self._windows[one.severity]
        if len(window) == FLOOD and now_ns - window[0] < FLOOD_NS:
            if one.name not in self._held_back and len(self._held_back) < LONGEST_LIST:
                self._held_back[one.name] = one
                self.suppressed += 1
            return None
        window.append(now_ns)
        self._told[one.name] = _Told(one, now_ns)
        return _notice(RAISED, one)

    def _summary(self, now_ns: int) -> list[Notice]:
        """Return how many were held back, at most once a minute."""
        if not self._held_back or now_ns < self._summary_ns:
            return []
        held, self._held_back = [*self._held_back.values()], {}
        self._summary_ns = now_ns + SUMMARY_NS
        worst = max(held, key=lambda one: rank(one.severity))
        names = ", ".join(one.name for one in held[:5]) + (" ..." if len(held) > 5 else "")
        for one in held:
            self._told[one.name] = _Told(one, now_ns, by_count=True)
        text = f"a flood of alarms: {len(held)} more ({names}); `ripieno alarms` lists them"
        return [_notice(FLOODED, replace(worst, text=text[:500]), suppressed=len(held))]


def _notice(what: str, one: Alarm, repeats: int = 0, suppressed: int = 0) -> Notice:
    key = f"{one.name}@{one.since_ns}/{one.count}/{what}" + (f"-{repeats}" if repeats else "")
    return Notice(what, key, one, suppressed)
