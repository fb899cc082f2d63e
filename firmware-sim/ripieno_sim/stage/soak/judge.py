"""What a soak has shown: the figures, and every promise that was broken. Happened is what the machine did."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ripieno.values import Act, OutcomeKind, Trigger

from ..loop import START_NS
from .load import strays_counts, strays_us
from .machine import Execution

if TYPE_CHECKING:
    from .run import Soak

GRAIN_US: Final = 5
"""Times are cut to whole microseconds at both ends."""
COUNTED: Final = (
    "commands",
    "executed",
    "not_executed",
    "in_doubt",
    "doubled",
    "false_claims",
    "unresolved",
    "outside_window",
    "times_beyond_uncertainty",
    "unsafe_outputs",
    "in_doubt_and_done",
    "refused_at_once",
)
TOLD: Final = 20
"""At most so many broken promises are told one by one."""


@dataclass(slots=True)
class Tally:
    """What one soak has shown; tallies of several can be told together."""

    counts: Counter[str]
    recoveries_us: list[int]
    errors_us: list[int]
    """By how much the times that the link gave were off."""
    misfortunes: Counter[str]
    why: Counter[str]
    refusals: Counter[str]
    wrong: list[str]


def tally(soak: Soak) -> Tally:
    """Return what a soak that has come to rest has shown."""
    counts: Counter[str] = Counter()
    why: Counter[str] = Counter()
    errors_us: list[int] = []
    wrong = [*soak.wrong, *soak.track.machine.unsafe]
    for act, asked in soak.asked.items():
        outcome, happened = soak.outcomes.get(act), soak.track.machine.executions.get(act, [])
        if len(happened) > 1:
            counts["doubled"] += 1
            wrong.append(f"{act} happened {len(happened)} times, at {[each.t_us for each in happened]} us")
        if outcome is None:
            wrong.append(f"{act} has no outcome")
            continue
        counts[outcome.kind.value.replace("-", "_")] += 1
        why[outcome.why] += outcome.kind is not OutcomeKind.EXECUTED
        if outcome.kind is OutcomeKind.IN_DOUBT:
            counts["in_doubt_and_done"] += bool(happened)
        elif (outcome.kind is OutcomeKind.EXECUTED) != bool(happened):
            counts["false_claims"] += 1
            wrong.append(
                f"{act} is said to be {outcome.kind} ({outcome.why or 'done'}), it happened {len(happened)} times"
            )
        elif happened and outcome.at_ns:
            errors_us.append(abs((outcome.at_ns - START_NS) // 1000 - happened[0].t_us))
            if errors_us[-1] > soak.uncertain_us[act] + GRAIN_US:
                counts["times_beyond_uncertainty"] += 1
                wrong.append(
                    f"{act}: its time is off by {errors_us[-1]} us, at most {soak.uncertain_us[act]} us were said"
                )
        for each in happened:
            if strayed := _strayed(soak, act, each):
                counts["outside_window"] += 1
                wrong.append(f"{act} happened {strayed} outside its window: {asked.pulse}")
    wrong += [f"command {owner} happened and nobody asked for it" for owner in _unasked(soak)]
    counts.update(
        commands=soak.commands,
        unresolved=len(soak.unresolved),
        unsafe_outputs=len(soak.track.machine.unsafe),
        refused_at_once=soak.refused.total(),
        virtual_us=soak.port.now_us,
        sessions=soak.sessions,
        daemon_lives=soak.lives,
        board_resets=soak.track.resets,
    )
    return Tally(counts, soak.recoveries_us, errors_us, soak.misfortunes, why, soak.refused, wrong)


def figures(mix: str, tallies: Sequence[Tally]) -> dict[str, Any]:
    """Return the figures of soaks of one mix together. Times in the units that their names say."""
    counts = sum((each.counts for each in tallies), Counter[str]())
    recoveries_us = [us for each in tallies for us in each.recoveries_us]
    errors_us = [us for each in tallies for us in each.errors_us]
    return {
        "mix": mix,
        **{name: counts[name] for name in COUNTED},
        "virtual_s": round(counts["virtual_us"] / 1e6, 1),
        "recovery_ms": {**spread(recoveries_us), "times": len(recoveries_us)},
        "time_error_ms": spread(errors_us),
        **{name: counts[name] for name in ("sessions", "daemon_lives", "board_resets")},
        "misfortunes": dict(sorted(sum((each.misfortunes for each in tallies), Counter[str]()).items())),
        "why": dict(sum((each.why for each in tallies), Counter[str]()).most_common()),
        "refusals": dict(sum((each.refusals for each in tallies), Counter[str]()).most_common()),
        "broken": [line for each in tallies for line in each.wrong[:TOLD]][:TOLD],
    }


def broken(told: dict[str, Any]) -> list[str]:
    """Return what was broken in a soak, a line each; nothing where every promise held."""
    return [str(line) for line in told["broken"]]


def spread(values_us: list[int]) -> dict[str, float | None]:
    """Return median and 99th percentile in ms."""
    if not values_us:
        return {"median": None, "p99": None}
    ordered = sorted(values_us)
    p99 = ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
    return {"median": round(statistics.median(ordered) / 1000, 3), "p99": round(p99 / 1000, 3)}


def _unasked(soak: Soak) -> list[object]:
    return [owner for owner in soak.track.machine.executions if owner not in soak.asked]


def _strayed(soak: Soak, act: Act, execution: Execution) -> str:
    """Return by how much an execution is outside the window that its pulse allowed; empty: it is within."""
    asked = soak.asked[act]
    if asked.pulse.trigger is Trigger.TIME and (off := strays_us(asked, START_NS, execution.t_us)):
        return f"{off / 1000:.1f} ms"
    if asked.pulse.trigger is Trigger.POSITION and (off := strays_counts(asked, execution.count)):
        return f"{off:.0f} counts"
    return ""
