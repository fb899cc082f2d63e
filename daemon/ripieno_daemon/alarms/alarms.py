"""The list of alarms. One that comes again is counted, not listed twice.

    raised --over--> gone          (a state that has ended)
    raised --acknowledged--> seen  (stays, until it is over; one that comes again must be seen again)

An alarm that tells of an event (a crash) is never over by itself: it goes when it is acknowledged.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

LONGEST_LIST = 100


@dataclass(frozen=True, slots=True)
class Alarm:
    """Times are UTC in ns. `lasts`: it tells of a state, which ends; else of an event. `seen_by`: "" for nobody yet."""

    code: str
    subject: str
    text: str
    since_ns: int
    last_ns: int
    count: int = 1
    lasts: bool = True
    seen_by: str = ""

    @property
    def name(self) -> str:
        """What a person acknowledges it by."""
        return f"{self.code}/{self.subject}" if self.subject else self.code

    def as_map(self) -> dict[str, object]:
        """Return it as JSON writes it."""
        return {"name": self.name, **asdict(self)}


class Alarms:
    """At most `longest` of them: the oldest that was seen goes first, else the oldest; `dropped` counts those."""

    def __init__(self, longest: int = LONGEST_LIST) -> None:
        self._alarms: dict[tuple[str, str], Alarm] = {}
        self._longest = longest
        self.dropped = 0
        self.raised = 0

    def tell(self, code: str, subject: str, text: str, now_ns: int, lasts: bool = True) -> bool:
        """Raise an alarm; return whether it is news (it was not on the list, or had been seen).

        A state that goes on as it was told is not told again.
        """
        before = self._alarms.get((code, subject))
        if before is not None and lasts and before.text == text:
            return False  # a state that goes on
        self.raised += 1
        self._alarms.pop((code, subject), None)
        if before is None:
            self._make_room()
            self._alarms[code, subject] = Alarm(code, subject, text, now_ns, now_ns, lasts=lasts)
            return True
        self._alarms[code, subject] = replace(before, text=text, last_ns=now_ns, count=before.count + 1, seen_by="")
        return bool(before.seen_by)

    def over(self, code: str, subject: str = "") -> bool:
        """The state has ended; return whether there was such an alarm."""
        return self._alarms.pop((code, subject), None) is not None

    def acknowledge(self, name: str, by: str) -> list[Alarm]:
        """Note that somebody has seen the alarm of that name ("all": every one); return those that there were.

        Events go; states stay until they are over.
        """
        found = [one for one in self._alarms.values() if name in ("all", one.name)]
        for one in found:
            if one.lasts:
                self._alarms[one.code, one.subject] = replace(one, seen_by=by)
            else:
                del self._alarms[one.code, one.subject]
        return found

    def listed(self) -> list[Alarm]:
        """Return the alarms, those that nobody has seen first, then by the time they last came."""
        return sorted(self._alarms.values(), key=lambda one: (bool(one.seen_by), -one.last_ns))

    def _make_room(self) -> None:
        if len(self._alarms) < self._longest:
            return
        seen = [key for key, one in self._alarms.items() if one.seen_by]
        del self._alarms[seen[0] if seen else next(iter(self._alarms))]
        self.dropped += 1
