"""The names of everything that is judged, in the order of docs/simulate.md."""

from __future__ import annotations

from typing import Final

from . import acts, bounds, outputs, parts, record, results, rules

INVARIANTS: Final = (
    acts.TWICE,
    acts.INTENT,
    acts.FALSE,
    acts.UNRESOLVED,
    acts.OWN,
    parts.UNDECIDED,
    parts.DEFECTIVE,
    parts.ONCE,
    results.DELIVERED,
    results.BOOKED,
    outputs.SAFE,
    outputs.STILL,
    outputs.HELD,
    outputs.RANGE,
    outputs.RULED,
    rules.VERDICTS,
    rules.OWN_PICTURE,
    rules.TIMERS,
    rules.ON_TIME,
    record.WHOLE,
    record.REPLAYS,
    bounds.BOUNDED,
    bounds.RUNS,
    bounds.SPINS,
)
