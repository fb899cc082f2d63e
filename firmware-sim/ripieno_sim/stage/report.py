"""What a run showed: the plant says where each part ended, the ledger what was decided, the consumer what arrived.

Definitions: `outcome` counts parts with a verdict by the plant's bins, `undecided` those without one; together they
    are `parts`.
`control.error_*` is the mean of |width - nominal| over the first or last fifth of the parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import msgpack

from ripieno.engine import ActSettled, ResultSeen, Started, unpack_event
from ripieno_daemon.ledger.rows import RecordRow
from ripieno_sim.plant.conveyor import Conveyor
from ripieno_sim.plant.extruder import uncorrected_error
from ripieno_sim.plant.parts import End, Part


@dataclass(slots=True)
class Told:
    """What the ledger holds, read record by record."""

    verdicts: dict[int, str] = field(default_factory=dict)
    ids: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    late: int = 0
    corrections: int = 0
    recorded: int = 0
    starts: int = 0
    alarms: Counter[str] = field(default_factory=Counter)
    asked_t: dict[str, int] = field(default_factory=dict)
    frame_to_command_ms: list[float] = field(default_factory=list)

    def take(self, record: RecordRow) -> None:
        """Read one record."""
        if record.kind == "event":
            self._event(unpack_event(record.payload))
            return
        if record.kind not in ("decision", "alarm", "notice"):
            return
        self.recorded += 1
        if record.kind == "notice":  # how an alarm of the daemon stands leaves with the results
            return
        body = msgpack.unpackb(record.payload, raw=False)
        if record.kind == "alarm":
            self.alarms[body["code"]] += 1
            return
        self.ids[body["id"]] += 1
        if "verdict" in body:
            self.verdicts[int(body["item"].rpartition("-")[2]) - 1] = body["verdict"]
        elif body["what"] == "changed":
            self.corrections += 1

    def _event(self, event: object) -> None:
        if isinstance(event, ResultSeen) and event.item is not None:
            self.asked_t[str(event.item)] = event.called_t
        elif isinstance(event, Started):
            self.starts += 1
        elif isinstance(event, ActSettled):
            self.outcomes[event.kind] += 1
            self.late += event.kind == "not-executed" and event.why.startswith("late")
            asked_t = self.asked_t.get(event.cause)
            if event.sent_t and asked_t is not None:
                self.frame_to_command_ms.append((event.sent_t - asked_t) / 1e6)


def report(
    plant: Conveyor, told: Told, delivered: Sequence[Mapping[str, Any]], scrapped: Collection[int], seed: int
) -> dict[str, Any]:
    """Return the figures of a run.

    Args:
        scrapped: indexes of the parts that the stock system has booked as scrap.
        delivered: the consumer's decisions and alarms, one map for each row it counted (decoded payloads).
        seed: of the run, for the same plant without control.
    """
    parts = plant.parts
    ends = Counter((told.verdicts.get(p.index, "undecided"), p.state == "normal", p.end) for p in parts)
    by_verdict = Counter(told.verdicts.values())
    ids = Counter(row["id"] for row in delivered if "id" in row)
    tally = plant.tally({})
    return {
        "parts": len(parts),
        "truth": {
            "good": sum(p.state == "normal" for p in parts),
            "defective": sum(p.state != "normal" for p in parts),
        },
        "outcome": {
            "passed_good": _count(ends, True, End.PASSED),
            "escaped": _count(ends, False, End.PASSED),
            "diverted_defective": _count(ends, False, End.DIVERTED),
            "false_rejects": _count(ends, True, End.DIVERTED),
            "undecided": sum(told.verdicts.get(p.index, "undecided") == "undecided" for p in parts),
        },
        "undecided_passed": sum(n for (v, _, end), n in ends.items() if v == "undecided" and end is End.PASSED),
        "verdicts": {name: by_verdict[name] for name in ("good", "defective", "undecided")},
        "actuation": {
            "intended": by_verdict["good"],
            "executed": sum(plant.oracle.executions.values()),
            "doubled": tally.executed_twice + tally.parts_opened_twice,
            "late": told.late + tally.opened_for_another,
            "in_doubt": told.outcomes["in-doubt"],
            "not_executed": told.outcomes["not-executed"],
        },
        "results": {
            "recorded": told.recorded,
            "delivered": len(delivered),
            "missing": told.recorded - len(delivered),
            "duplicates": sum(times - 1 for times in ids.values()),
        },
        "latency_ms": {"frame_to_command": _spread(told.frame_to_command_ms)},
        "stock": {
            "scrapped": len(scrapped),
            "scrapped_passed": sum(part.index in scrapped and part.end is End.PASSED for part in parts),
        },
        "control": _control(parts, told.corrections, seed),
        "alarms": dict(sorted(told.alarms.items())),
    }


def _count(ends: Counter[tuple[str, bool, End | None]], good: bool, end: End) -> int:
    return sum(
        n for (verdict, is_good, at), n in ends.items() if verdict != "undecided" and is_good == good and at is end
    )


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    ordered = sorted(values)
    if not ordered:
        return {"p50": None, "p99": None, "max": None}
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99)]
    return {"p50": round(at[0], 3), "p99": round(at[1], 3), "max": round(ordered[-1], 3)}


def _control(parts: Sequence[Part], corrections: int, seed: int) -> dict[str, float | int | None]:
    if not parts:
        return {"error_start": None, "error_end": None, "error_uncorrected": None, "corrections": corrections}
    fifth = max(1, len(parts) // 5)
    errors, without = [part.error for part in parts], uncorrected_error(seed, len(parts))
    return {
        "error_start": round(fmean(errors[:fifth]), 4),
        "error_end": round(fmean(errors[-fifth:]), 4),
        "error_uncorrected": round(fmean(without[-fifth:]), 4),
        "corrections": corrections,
    }


def text(figures: Mapping[str, Any]) -> str:
    """Return the report as a person reads it."""
    outcome, act, results, control = (figures[name] for name in ("outcome", "actuation", "results", "control"))
    latency, truth = figures["latency_ms"]["frame_to_command"], figures["truth"]
    head, plan = figures["ledger_head"][:16], figures["plan_digest"][:16]
    start, end, without = (_percent(control[f"error_{name}"]) for name in ("start", "end", "uncorrected"))
    rows = [
        (
            "parts",
            f"{figures['parts']}: {truth['good']} good and {truth['defective']} defective, as the plant measures",
        ),
        ("let through", f"{outcome['passed_good']} good, {outcome['escaped']} defective (escaped)"),
        ("diverted", f"{outcome['diverted_defective']} defective, {outcome['false_rejects']} good (false rejects)"),
        ("undecided", f"{outcome['undecided']}, of which {figures['undecided_passed']} are in the pass bin"),
        ("gate", f"{act['intended']} openings wanted, {act['executed']} made, {act['doubled']} doubled,"),
        ("", f"{act['late']} late, {act['in_doubt']} in doubt"),
        ("bead", f"off by {start} at the start and {end} at the end, with {control['corrections']} corrections of the"),
        ("", f"flow; without them it would end at {without}"),
        ("results", f"{results['recorded']} recorded, {results['delivered']} counted by the consumer,"),
        ("", f"{results['missing']} missing, {results['duplicates']} counted twice; broker: {figures['broker']}"),
        ("stock", f"{figures['stock']['scrapped']} parts booked as scrap, each once"),
        ("latency", f"from picture to command {_ms(latency['p50'])} (median), {_ms(latency['p99'])} (99 in 100)"),
        ("record", f"ledger head {head}, plan {plan}"),
    ]
    if figures.get("starts", 1) > 1:
        rows.insert(4, ("daemon", f"started {figures['starts']} times"))
    return "\n".join(f"{name:<12} {what}" for name, what in rows)


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:.1f} %"


def broken(figures: Mapping[str, Any]) -> list[str]:
    """Return which of the promises that hold in every run this run broke; figures that depend on a model are no
    promise.
    """
    act, results, outcome = figures["actuation"], figures["results"], figures["outcome"]
    promises = {
        "an act was made twice": act["doubled"] == 0,
        "a part without a verdict is in the pass bin": figures["undecided_passed"] == 0,
        "a recorded result did not reach the consumer": results["missing"] == 0,
        "a result was counted twice": results["duplicates"] == 0,
        "a part was booked as scrap that is in the pass bin": figures["stock"]["scrapped_passed"] == 0,
        "the outcomes do not add up to the parts": sum(outcome.values()) == figures["parts"],
        "the daemon's verdicts do not add up to the parts": sum(figures["verdicts"].values()) == figures["parts"],
    }
    return [promise for promise, held in promises.items() if not held]
