"""The list of alarms. One that comes again is counted, not listed twice. States as ISA-18.2 and IEC 62682 name them:

    normal --raised--> unacknowledged --acknowledged--> acknowledged --returned to normal--> normal
                             |
                             +--returned to normal--> normal, or with `latch`: returned --acknowledged--> normal

An alarm that tells of an event (a crash) never returns by itself: it goes when it is acknowledged. One that chatters
(chatter.py) stays until it has been quiet for a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple

from ripieno.values.severities import USUAL_SEVERITY

from .chatter import Chatter

LONGEST_LIST = 100
UNACKNOWLEDGED, ACKNOWLEDGED, RETURNED = "unacknowledged", "acknowledged", "returned"


class Instant(NamedTuple):
    """Now, as people read it (UTC, ns) and on the clock that nobody sets, by which it is judged what came when."""

    wall_ns: int
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What a device file says of alarms. `severities`: of a code, or of a name, where another than usual is wanted."""

    severities: Mapping[str, str] = field(default_factory=dict)
    latch: bool = False

    def severity(self, code: str, name: str) -> str:
        """Return how urgent it is."""
        return self.severities.get(name) or self.severities.get(code) or USUAL_SEVERITY.get(code, "medium")


@dataclass(frozen=True, slots=True)
class Alarm:
    """Times are UTC in ns. `lasts`: it tells of a state, which ends; else of an event. `seen_by`: "" for nobody yet.

    `has_returned`: the state has ended, and nobody has acknowledged it. `chatters`: it comes and goes.
    """

    code: str
    subject: str
    text: str
    since_ns: int
    last_ns: int
    count: int = 1
    lasts: bool = True
    seen_by: str = ""
    severity: str = "medium"
    has_returned: bool = False
    chatters: bool = False

    @property
    def name(self) -> str:
        """What a person acknowledges it by."""
        return name_of(self.code, self.subject)

    @property
    def state(self) -> str:
        """Return unacknowledged, acknowledged or returned."""
        return RETURNED if self.has_returned else ACKNOWLEDGED if self.seen_by else UNACKNOWLEDGED

    def as_map(self) -> dict[str, object]:
        """Return it as JSON writes it."""
        return {"name": self.name, "state": self.state, **asdict(self)}


def name_of(code: str, subject: str) -> str:
    """Return the name of an alarm."""
    return f"{code}/{subject}" if subject else code


class Alarms:
    """At most `longest` of them: the oldest that was seen goes first, else the oldest; `dropped` counts those."""

    def __init__(self, longest: int = LONGEST_LIST) -> None:
        self._alarms: dict[tuple[str, str], Alarm] = {}
        self._chatter = Chatter()
        self._longest = longest
        self.policy = Policy()
        self.dropped = 0
        self.raised = 0
        self.damped = 0
        """How often one that chatters came again, and nobody was told."""

    def tell(self, code: str, subject: str, text: str, now: Instant, lasts: bool = True) -> bool:
        """Raise an alarm; return whether it is news: it was not on the list, had been seen or had returned, or it is
        found to chatter. A state that goes on as it was told is not told again.
        """
        key, before = (code, subject), self._alarms.get((code, subject))
        if before is not None and lasts and before.text == text and not self._is_away(key):
            return False  # a state that goes on
        self.raised += 1
        was_held = self._chatter.holds(key)
        begins = lasts and self._chatter.raised(key, now.monotonic_ns)
        if before is None:
            self._make_room()
            severity = self.policy.severity(code, name_of(code, subject))
            alarm = Alarm(code, subject, text, *(now.wall_ns, now.wall_ns), lasts=lasts, severity=severity)
            self._alarms[key] = replace(alarm, chatters=begins)
            return True
        del self._alarms[key]  # to the end of the list: it is the youngest now
        self.damped += was_held
        self._alarms[key] = replace(
            before,
            text=text,
            since_ns=now.wall_ns if before.has_returned else before.since_ns,
            last_ns=now.wall_ns,
            count=before.count + 1,
            seen_by=before.seen_by if was_held else "",
            has_returned=False,
            chatters=was_held or begins,
        )
        return not was_held and (bool(before.seen_by) or before.has_returned or begins)

    def over(self, code: str, subject: str, now: Instant) -> bool:
        """The state has ended; return whether there was such an alarm, and it has returned to normal now."""
        key = (code, subject)
        alarm = self._alarms.get(key)
        if alarm is None or alarm.has_returned:
            return False
        if self._chatter.holds(key):
            self._chatter.returned(key, now.monotonic_ns)
            return False  # not before it has been quiet for a while
        self._return(key)
        return True

    def calm(self, now: Instant) -> list[Alarm]:
        """Return those that chattered and have returned to normal now: they have been quiet for long enough."""
        calm = [self._alarms[key] for key in self._chatter.calmed(now.monotonic_ns) if key in self._alarms]
        for one in calm:
            self._return((one.code, one.subject))
        return calm

    def acknowledge(self, name: str, by: str) -> list[Alarm]:
        """Note that somebody has seen the alarm of that name ("all": every one); return those that there were.

        Events go, and what has returned; other states stay until they are over.
        """
        found = [one for one in self._alarms.values() if name in ("all", one.name)]
        for one in found:
            if one.lasts and not one.has_returned:
                self._alarms[one.code, one.subject] = replace(one, seen_by=by)
            else:
                del self._alarms[one.code, one.subject]
        return found

    def listed(self) -> list[Alarm]:
        """Return the alarms, those that nobody has seen first, then by the time they last came."""
        order = {UNACKNOWLEDGED: 0, ACKNOWLEDGED: 1, RETURNED: 2}
        return sorted(self._alarms.values(), key=lambda one: (order[one.state], -one.last_ns))

    def _is_away(self, key: tuple[str, str]) -> bool:
        """Whether a listed one has returned to normal, for now or until it is acknowledged."""
        return self._alarms[key].has_returned or self._chatter.is_quiet(key)

    def _return(self, key: tuple[str, str]) -> None:
        alarm = self._alarms[key]
        if self.policy.latch and not alarm.seen_by:
            self._alarms[key] = replace(alarm, has_returned=True, chatters=False)
        else:
            del self._alarms[key]

    def _make_room(self) -> None:
        if len(self._alarms) < self._longest:
            return
        seen = [key for key, one in self._alarms.items() if one.seen_by or one.has_returned]
        gone = seen[0] if seen else next(iter(self._alarms))
        del self._alarms[gone]
        self._chatter.forget(gone)
        self.dropped += 1
