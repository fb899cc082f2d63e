"""One invariant that did not hold in a run, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """`invariant`: as in docs/simulate.md; `what`: the evidence; `at_us`: plant time, where there is one."""

    invariant: str
    what: str
    at_us: int | None = None
