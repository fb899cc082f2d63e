"""What was measured, held against what is promised: as it was measured, and with a busy machine allowed for."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Took:
    """One measured time. `watched_s`: so much of the limit is waiting, which no load makes longer."""

    seconds: float
    limit_s: float
    slowness: float
    watched_s: float = 0.0

    @property
    def is_kept(self) -> bool:
        """Whether the promise is kept, allowing for a machine that others use."""
        return self.seconds <= (self.limit_s - self.watched_s) * self.slowness + self.watched_s

    @property
    def is_within(self) -> bool:
        """Whether it is kept as measured, with nothing allowed for."""
        return self.seconds <= self.limit_s


@dataclass
class Figures:
    """All of them; `broken` has a sentence for each promise that was not kept."""

    times: dict[str, list[Took]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def took(self, trial: str, seconds: float, limit_s: float, slowness: float, watched_s: float = 0.0) -> None:
        """Note a time and hold it against its limit."""
        took = Took(seconds, limit_s, slowness, watched_s)
        self.times.setdefault(trial, []).append(took)
        if not took.is_kept:
            self.broken.append(f"{trial}: {seconds:.2f} s, promised {limit_s:g} s, machine {slowness:.1f} times slower")

    def hold(self, promise: str, kept: bool, evidence: object = "") -> None:
        """Note a promise that is kept or not."""
        if kept:
            self.kept.append(promise)
        else:
            self.broken.append(f"{promise} ({evidence})" if evidence != "" else promise)

    def told(self) -> dict[str, Any]:
        """Return them as JSON writes them. `ratio`: the median restart over that of a service that does nothing."""
        told = {
            "times": {name: _summary(times) for name, times in self.times.items()},
            "times_s": {name: [round(one.seconds, 3) for one in times] for name, times in self.times.items()},
            "slowness": [round(one.slowness, 2) for times in self.times.values() for one in times],
            "kept": sorted(set(self.kept)),
            "broken": self.broken,
            **self.facts,
        }
        if {"restart", "nothing"} <= set(self.times):
            told["ratio"] = round(told["times"]["restart"]["median_s"] / told["times"]["nothing"]["median_s"], 2)
        return told


def _summary(times: list[Took]) -> dict[str, Any]:
    seconds = [one.seconds for one in times]
    return {
        "count": len(seconds),
        "min_s": round(min(seconds), 3),
        "median_s": round(statistics.median(seconds), 3),
        "max_s": round(max(seconds), 3),
        "limit_s": times[0].limit_s,
        "within_as_measured": sum(one.is_within for one in times),
        "within_for_this_load": sum(one.is_kept for one in times),
    }
