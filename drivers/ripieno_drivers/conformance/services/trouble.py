"""What goes wrong between a driver and the service: at one exchange, or until somebody mends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")
LATENCY_S: Final = 0.005
LATE_S: Final = 3.0
SILENT_S: Final = 30.0
FAULTS: Final = {
    "before": "the exchange breaks before the service knows of it",
    "after": "the service has obeyed, and its answer is lost",
    "half": "half of the answer arrives",
    "twice": "the answer arrives twice",
    "late": "the answer comes after 3 s",
    "silent": "the service has obeyed, and says nothing for 30 s",
}
WHOLE: Final = ("before", "after", "late", "silent")
"""The faults of a port that knows no bytes."""
NEVER: Final = "there was nothing for it to strike at this port"


@dataclass(slots=True)
class Trouble:
    """`away`: nobody is reached. `kind` strikes the exchange number `at` (from 0), counted from `arm` on."""

    away: bool = False
    kind: str = ""
    at: int = 0
    struck: bool = False
    attempts: int = 0
    _seen: int = 0

    def arm(self, kind: str, at: int = 0) -> None:
        """Let it strike once; "" for nothing."""
        self.kind, self.at, self.struck, self._seen = kind, at, False, 0

    def next(self, able: Collection[str]) -> str:
        """Return what happens to this exchange, "" for nothing. `able`: the faults that there are at this port."""
        self.attempts += 1
        number, self._seen = self._seen, self._seen + 1
        if self.kind not in able or number != self.at:
            return ""
        self.struck = True
        return self.kind

    async def around(self, effect: Callable[[], T], broken: Callable[[str], Exception]) -> T:
        """Do something with the service as the trouble lets it; `broken` makes the port's error."""
        kind = self.next(WHOLE)
        await asyncio.sleep(LATENCY_S)
        if self.away:
            raise broken("it is away")
        if kind == "before":
            raise broken("it broke before")
        done = effect()
        if kind == "after":
            raise broken("it broke afterwards")
        if kind:
            await asyncio.sleep(LATE_S if kind == "late" else SILENT_S)
        if kind == "silent":
            raise broken("it said nothing")
        return done
