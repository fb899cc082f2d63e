"""What a self-test found: a list of named failures, empty where the release may be tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# Each name stands in messages, counters and docs/update.md.
DAMAGED: Final = "damaged"  # a file is not the sealed one
PIPELINE: Final = "pipeline"  # the pipeline has problems on this release of ripieno
CONTRACT: Final = "contract"  # shape, type, quantisation or number of classes are not the sealed ones
GOLDEN: Final = "golden"  # a golden input gets another answer than when the bundle was sealed
NOT_FINITE: Final = "not-finite"  # NaN or infinity comes out
CONSTANT: Final = "constant"  # the same answer whatever is shown
DECISIONS: Final = "decisions"  # decides otherwise than what ran before, more often than the release allows
SLOW: Final = "slow"  # does not keep its step's deadline on this device
CASES: Final = "cases"  # a case of the bundle fails
CRASHED: Final = "crashed"  # the process that tried it died
HUNG: Final = "hung"  # it did not end in time


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is wrong: a name of this module, and a sentence for a person."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.name}: {self.why}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome. `figures`: what was measured, for whoever looks (times in microseconds, counts)."""

    failures: tuple[Failure, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether it may be tried."""
        return not self.failures

    def __str__(self) -> str:
        return "; ".join(map(str, self.failures)) or "good"


def to_plain(verdict: Verdict) -> dict[str, Any]:
    """Return plain values, for the way out of the child."""
    return {"failures": [[one.name, one.why] for one in verdict.failures], "figures": dict(verdict.figures)}


def from_plain(plain: Mapping[str, Any]) -> Verdict:
    """Return the verdict that `to_plain` gave. Raises KeyError, TypeError, ValueError."""
    return Verdict(tuple(Failure(str(name), str(why)[:500]) for name, why in plain["failures"]), plain["figures"])
