"""Progress: which parts must get on, how long each may take, and which of them does not.

Being alive is no progress. A part is one of two kinds: it *turns* (a device's task looks at its clock in every turn),
or it is *asked* (a ledger that has nothing to write, a worker that has no call, are idle, and idle is as good as
progress).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stuck:
    """A part that has made no progress for `since_s`; `evidence` is what it was doing."""

    part: str
    since_s: float
    evidence: str

    def __str__(self) -> str:
        return f"{self.part} has made no progress for {self.since_s:.1f} s: {self.evidence}"


@dataclass(slots=True)
class _Part:
    limit_ns: int
    moved_ns: int
    doing: Callable[[], str]
    mark: Callable[[], object] | None
    seen: object = None


class Progress:
    """The parts that must get on. `now_ns` is the monotonic clock."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._parts: dict[str, _Part] = {}

    def turns(
        self, part: str, limit_s: float, doing: Callable[[], str] = lambda: "it does not turn"
    ) -> Callable[[], None]:
        """Add a part that calls what this returns in every turn, at least every `limit_s`."""
        one = self._parts[part] = _Part(int(limit_s * 1e9), self._now_ns(), doing, None)

        def turned() -> None:
            one.moved_ns = self._now_ns()

        return turned

    def asked(self, part: str, limit_s: float, mark: Callable[[], object], doing: Callable[[], str]) -> None:
        """Add a part that is looked at.

        Args:
            mark: changes whenever the part gets on; None: it has nothing to do, which counts as progress.
            doing: what it is at, for the report.
        """
        self._parts[part] = _Part(int(limit_s * 1e9), self._now_ns(), doing, mark)

    def drop(self, part: str) -> None:
        """The part has ended in order."""
        self._parts.pop(part, None)

    def clear(self) -> None:
        """All parts have ended."""
        self._parts.clear()

    def begin_anew(self) -> None:
        """Nothing ran for a while: no part is to blame for that time."""
        now = self._now_ns()
        for one in self._parts.values():
            one.moved_ns = now

    def stuck(self) -> list[Stuck]:
        """Look at every part; return those that make no progress."""
        now = self._now_ns()
        found = []
        for name, one in self._parts.items():
            if one.mark is not None:
                seen = one.mark()
                if seen is None or seen != one.seen:
                    one.seen, one.moved_ns = seen, now
            if now - one.moved_ns > one.limit_ns:
                found.append(Stuck(name, (now - one.moved_ns) / 1e9, one.doing()))
        return found

    def parts(self) -> dict[str, float]:
        """Return for how many seconds each part has made no progress, as of the last look."""
        now = self._now_ns()
        return {name: round((now - one.moved_ns) / 1e9, 3) for name, one in self._parts.items()}
