"""The gate: energised it swings open and lets parts pass; left alone it diverts them."""

from dataclasses import dataclass, field

__all__ = ["TRAVEL_US", "Gate", "Opening"]

TRAVEL_US = 12_000


@dataclass(slots=True)
class Opening:
    """One energising: which command did it, which part was nearest the gate, which parts went through on it."""

    cmd_id: int | None
    began_us: int
    began_count: int
    nearest: int
    passed: list[int] = field(default_factory=list)
    opened_us: int | None = None
    ended_us: int | None = None


class Gate:
    """A gate that needs TRAVEL_US from stop to stop; `stuck` keeps it where it is."""

    def __init__(self) -> None:
        self.openings: list[Opening] = []
        self.energised = False
        self.is_open = False
        self.stuck = False
        self._place_us = 0  # travel done towards open, at _since_us
        self._since_us = 0

    def drive(self, energised: bool, cmd_id: int | None, count: int, nearest: int, now_us: int) -> bool:
        """Take the output's value; return whether the limit switch falls. An act while energised is an opening too."""
        self._place_us, self._since_us = self._travelled(now_us), now_us
        if self.openings and self.openings[-1].ended_us is None:
            self.openings[-1].ended_us = now_us
        if energised:
            self.openings.append(Opening(cmd_id, now_us, count, nearest))
            if self.is_open:
                self.openings[-1].opened_us = now_us
        self.energised = energised
        falls = self.is_open and not energised and not self.stuck
        self.is_open = self.is_open and not falls
        return falls

    def next_deadline_us(self) -> int | None:
        """Return when it will be fully open."""
        if not self.energised or self.is_open or self.stuck:
            return None
        return self._since_us + TRAVEL_US - self._place_us

    def advance(self, now_us: int) -> bool:
        """Return whether it has just become fully open."""
        due_us = self.next_deadline_us()
        if due_us is None or due_us > now_us:
            return False
        self.is_open = True
        self.openings[-1].opened_us = now_us
        return True

    def arrive(self, index: int) -> bool:
        """Let the leading edge of a part come; return whether it passes."""
        if self.is_open and self.openings:
            self.openings[-1].passed.append(index)
        return self.is_open

    def _travelled(self, now_us: int) -> int:
        if self.stuck:
            return self._place_us
        way = now_us - self._since_us
        return min(self._place_us + way, TRAVEL_US) if self.energised else max(self._place_us - way, 0)
