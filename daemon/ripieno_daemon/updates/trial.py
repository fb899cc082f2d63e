"""A release on trial: what the line's own results say of it, against what they said of the release before.

No clock and no I/O here: results and times come in, and after each it is said whether there is a verdict. Three gates
need no waiting (the worker keeps dying, too many results in a row are unknown, more are unknown already than the whole
trial allows); the others are looked at when the trial has had its results and its time.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ripieno.engine import ResultSeen

KEPT_LATENCIES: Final = 4096
SIGMAS: Final = 3.1  # one good release in a thousand would be given up for each gate by chance alone
DOUBT: Final = 1e-3
LEFT_BY_P99: Final = 0.01

# Names of what may go wrong, as in verdict.py.
DEATHS: Final = "deaths"
UNKNOWN: Final = "unknown"
LATENCY: Final = "latency"
SHIFT: Final = "shift"


@dataclass(frozen=True, kw_only=True)
class Gates:
    """When a trial ends, and what it allows.

    Attributes:
        results: so many, and `soak_s` seconds, are waited for.
        unknown_rise: the share of unknown results may be so much higher than before.
        unknown_run: so many unknown results one after the other end the trial at once.
        latency_times: late is what takes so many times what 99 % took before; more than chance explains is too many.
        shift: the shares of the labels may lie so far apart (total variation, 0..1), beyond what chance explains.
        deaths: so many deaths of a worker end the trial at once.
    """

    results: int = 300
    soak_s: float = 60.0
    unknown_rise: float = 0.02
    unknown_run: int = 25
    latency_times: float = 1.5
    shift: float = 0.20
    deaths: int = 2


@dataclass(frozen=True, slots=True)
class Noted:
    """One result of the line. `label` None where it is unknown; `latency_us`: from the picture to the answer."""

    label: str | None
    latency_us: int


def noted(event: ResultSeen) -> Noted:
    """Return what a trial counts of a recorded result; a detection counts as its first object, or "nothing"."""
    if event.health != "good":
        return Noted(None, 0)
    label = event.label or (event.found[0][0] if event.found else "value" if event.numbers else "nothing")
    return Noted(label, (event.t - event.taken_t) // 1000)


@dataclass(slots=True)
class Health:
    """What results look like, counted: of the release before, and of the one on trial."""

    results: int = 0
    unknown: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    latencies_us: deque[int] = field(default_factory=lambda: deque(maxlen=KEPT_LATENCIES))

    def note(self, noted: Noted) -> None:
        """Count one result."""
        self.results += 1
        if noted.label is None:
            self.unknown += 1
            return
        self.labels[noted.label] += 1
        self.latencies_us.append(noted.latency_us)

    @property
    def p99_us(self) -> int:
        """The 99th percentile of the latencies that are kept, 0 where there are none."""
        ordered = sorted(self.latencies_us)
        return ordered[math.ceil(0.99 * len(ordered)) - 1] if ordered else 0

    def to_plain(self) -> dict[str, Any]:
        """Return what a restart needs."""
        return {"results": self.results, "unknown": self.unknown, "labels": dict(self.labels), "p99_us": self.p99_us}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Health:
        """Return what `to_plain` gave: of the latencies the percentile alone is kept. Raises KeyError, TypeError."""
        latencies = [int(plain["p99_us"])] if plain["p99_us"] else []
        labels = Counter({str(label): int(count) for label, count in plain["labels"].items()})
        return cls(int(plain["results"]), int(plain["unknown"]), labels, deque(latencies, maxlen=KEPT_LATENCIES))


@dataclass(frozen=True, slots=True)
class Ended:
    """The verdict on a trial: keep it, or go back and why (a name, then a sentence)."""

    is_kept: bool
    name: str = ""
    why: str = ""

    def __str__(self) -> str:
        return f"{self.name or 'healthy'}: {self.why}"


class Trial:
    """One trial, from its first result on.

    Args:
        before: of the confirmed release; with too few results of it, what compares with it is not looked at.
        began_ns: monotonic.
    """

    def __init__(self, gates: Gates, before: Health, began_ns: int) -> None:
        self.gates, self._before, self._began_ns = gates, before, began_ns
        self.now = Health()
        self.ended: Ended | None = None
        self._run = self._deaths = 0
        base = before.unknown / before.results if before.results else 0.0
        self._most_unknown = _most(gates.results * min(1.0, base + gates.unknown_rise))

    def note(self, noted: Noted, t_ns: int) -> Ended | None:
        """Count a result; return the verdict if there is one."""
        if self.ended is None:
            self.now.note(noted)
            self._run = 0 if noted.label is not None else self._run + 1
            self.ended = self._at_once() or self.look(t_ns)
        return self.ended

    def died(self, why: str) -> Ended | None:
        """Count a death of a worker that had the new models."""
        self._deaths += 1
        if self.ended is None and self._deaths >= self.gates.deaths:
            self.ended = Ended(False, DEATHS, f"a worker died {self._deaths} times: {why}")
        return self.ended

    def give_up(self, name: str, why: str) -> None:
        """End it, whatever its results say."""
        self.ended = Ended(False, name, why)

    def look(self, t_ns: int) -> Ended | None:
        """Return the verdict if the trial has had its results and its time: None, it goes on."""
        has_soaked = t_ns - self._began_ns >= self.gates.soak_s * 1e9
        if self.ended is None and has_soaked and self.now.results >= self.gates.results:
            self.ended = self._latency() or self._unknown() or self._shift() or self._healthy()
        return self.ended

    def _at_once(self) -> Ended | None:
        if self._run >= self.gates.unknown_run:
            return Ended(False, UNKNOWN, f"{self._run} results in a row are unknown")
        if self.now.results <= self.gates.results and self.now.unknown > self._most_unknown:
            return self._unknown_told(self._most_unknown, self.gates.results)
        return None

    def _unknown(self) -> Ended | None:
        base = self._before.unknown / self._before.results if self._before.results else 0.0
        most = _most(self.now.results * min(1.0, base + self.gates.unknown_rise))
        return self._unknown_told(most, self.now.results) if self.now.unknown > most else None

    def _unknown_told(self, most: int, of: int) -> Ended:
        was = f"{self._before.unknown} of {self._before.results}"
        what = f"{self.now.unknown} of {self.now.results} results are unknown; before it were {was}"
        return Ended(False, UNKNOWN, f"{what} ({most} of {of} are allowed)")

    def _latency(self) -> Ended | None:
        """Late answers beyond the hundredth that a percentile leaves, and beyond chance: one of 60 proves nothing."""
        limit_us = self._before.p99_us * self.gates.latency_times
        answers = self.now.latencies_us
        late, most = sum(one > limit_us for one in answers), _most(LEFT_BY_P99 * len(answers))
        if not limit_us or late <= most:
            return None
        what = f"{late} of {len(answers)} answers took longer than {limit_us / 1000:.1f} ms"
        was = f"{self.gates.latency_times:g} times what 99 % took before"
        return Ended(False, LATENCY, f"{what}, {was}; {most} are allowed")

    def _shift(self) -> Ended | None:
        old, new = self._before.labels, self.now.labels
        if not old.total() or not new.total():
            return None
        kinds = sorted({*old, *new})
        apart = sum(abs(old[kind] / old.total() - new[kind] / new.total()) for kind in kinds) / 2
        chance = _by_chance(len(kinds), old.total()) + _by_chance(len(kinds), new.total())
        if apart <= self.gates.shift + chance:
            return None
        moved = f"labels have moved by {apart:.0%}, {self.gates.shift + chance:.0%} is allowed: {_shares(old, new)}"
        return Ended(False, SHIFT, moved)

    def _healthy(self) -> Ended:
        now, old = self.now, self._before
        told = f"{now.results} results, {now.unknown} unknown, 99 % within {now.p99_us / 1000:.1f} ms"
        return Ended(True, "", f"{told}; {_shares(old.labels, now.labels)}")


def _shares(old: Counter[str], new: Counter[str]) -> str:
    def share(of: Counter[str], kind: str) -> str:
        return f"{of[kind] / of.total():.0%}" if of.total() else "?"

    return ", ".join(f"{kind} {share(old, kind)} -> {share(new, kind)}" for kind in sorted({*old, *new}))


def _most(expected: float) -> int:
    """Return how many of a rare thing chance allows where so many are expected (Poisson, in its normal approximation
    with a margin of three for small numbers).
    """
    return math.floor(expected + SIGMAS * math.sqrt(expected) + 3)


def _by_chance(kinds: int, count: int) -> float:
    """Return how far shares of `kinds` labels from `count` results lie from the true ones, but for one in a thousand:
    half of the L1 bound of Weissman, Ordentlich, Seroussi, Verdu and Weinberger, HPL-2003-97, theorem 2.1.
    """
    return math.sqrt(2 * (kinds * math.log(2) + math.log(1 / DOUBT)) / count) / 2
