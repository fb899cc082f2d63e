"""What a camera run showed: the ledger says what was seen and concluded, the consumer what arrived.

`frames`: `seen` by the camera's process, `inferred` by the model, `bad` (shown to no model, with the reason under
`unknown`), `dropped` the rest: passed over, because the model was at work. Together the last three are `seen`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgpack

from ripieno.engine import DeviceChanged, FrameSeen, ResultSeen, unpack_event
from ripieno_daemon.ledger.rows import RecordRow

LAST = 5
_TOTAL = re.compile(r"station: (\d+) pictures seen")


@dataclass(slots=True)
class Seen:
    """What the ledger holds, read record by record."""

    inferred: int = 0
    bad: int = 0
    sequence: int = 0
    recorded: int = 0
    ids: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    downs: list[str] = field(default_factory=list)
    ups: int = 0
    last: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Any] = field(default_factory=dict)
    frame_ms: list[float] = field(default_factory=list)
    invoke_ms: list[float] = field(default_factory=list)

    def take(self, record: RecordRow) -> None:
        """Read one record."""
        if record.kind == "event":
            self._event(unpack_event(record.payload))
        elif record.kind == "alarm":
            self.recorded += 1
            self.alarms[msgpack.unpackb(record.payload, raw=False)["code"]] += 1
        elif record.kind == "notice":  # how an alarm of the daemon stands leaves with the results
            self.recorded += 1
        elif record.kind == "inference":
            self.recorded += 1
            self._result(msgpack.unpackb(record.payload, raw=False))

    def _event(self, event: object) -> None:
        if isinstance(event, FrameSeen):
            self.sequence = max(self.sequence, event.sequence)
            self.bad += event.health not in ("good", "stale")
        elif isinstance(event, ResultSeen) and event.invoke_us:
            self.inferred += 1
            self.frame_ms.append((event.t - event.taken_t) / 1e6)
            self.invoke_ms.append(event.invoke_us / 1e3)
        elif isinstance(event, DeviceChanged):
            self.ups += event.up
            if not event.up:
                self.downs.append(event.why)

    def _result(self, body: Mapping[str, Any]) -> None:
        self.ids[body["id"]] += 1
        result = {name: body[name] for name in ("sequence", "health", "why", "label", "score", "count")}
        result["boxes"] = [{"label": one[0], "score": one[1], "box": list(one[2:])} for one in body["found"]]
        if body["health"] != "good":
            self.unknown[body["health"]] += 1
        elif body["found"]:
            self.counts.update(one[0] for one in body["found"])
        elif body["label"]:
            self.counts[body["label"]] += 1
        if body["health"] == "good" and body["count"] > self.best.get("count", 0):
            self.best = result
        self.last = [*self.last[1 - LAST :], result]


def report(seen: Seen, delivered: Sequence[Mapping[str, Any]], said: Sequence[str]) -> dict[str, Any]:
    """Return the figures of a run.

    Args:
        delivered: payloads that the consumer counted. said: what the daemon said.
    """
    totals = [int(match.group(1)) for line in said if (match := _TOTAL.match(line))]
    pictures = totals[-1] if totals else seen.sequence
    ids = Counter(row["id"] for row in delivered if "id" in row)
    return {
        "frames": {
            "seen": pictures,
            "inferred": seen.inferred,
            "bad": seen.bad,
            "dropped": pictures - seen.inferred - seen.bad,
        },
        "counts": dict(seen.counts.most_common()),
        "unknown": dict(sorted(seen.unknown.items())),
        "most": seen.best,
        "last": seen.last,
        "results": {
            "recorded": seen.recorded,
            "delivered": len(delivered),
            "missing": seen.recorded - len(delivered),
            "duplicates": sum(times - 1 for times in ids.values()),
        },
        "latency_ms": {"frame_to_result": spread(seen.frame_ms), "invoke": spread(seen.invoke_ms)},
        "health": {"alarms": dict(sorted(seen.alarms.items())), "starts": seen.ups, "downs": seen.downs},
    }


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Return median, 99th percentile and maximum, None where there are no values."""
    ordered = sorted(values)
    if not ordered:
        return {"p50": None, "p99": None, "max": None}
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99)]
    return {"p50": round(at[0], 3), "p99": round(at[1], 3), "max": round(ordered[-1], 3)}


def text(figures: Mapping[str, Any]) -> str:
    """Return the report as a person reads it."""
    frames, results, health = figures["frames"], figures["results"], figures["health"]
    latency, most = figures["latency_ms"]["frame_to_result"], figures["most"]
    counts = ", ".join(f"{label} {count}" for label, count in list(figures["counts"].items())[:8]) or "nothing"
    unknown = ", ".join(f"{count} {name}" for name, count in figures["unknown"].items()) or "none"
    alarms = ", ".join(f"{code} ({count})" for code, count in health["alarms"].items()) or "none"
    rows = [
        ("camera", figures["camera"]),
        ("model", f"{figures['model']['file']} ({figures['model']['task']}), {figures['model']['labels']} labels"),
        ("pictures", f"{frames['seen']} seen, {frames['inferred']} looked at by the model,"),
        ("", f"{frames['bad']} bad, {frames['dropped']} passed over while the model was at work"),
        ("found", counts),
        ("unknown", unknown),
    ]
    if most:
        boxes = "; ".join(f"{one['label']} {one['score']:.2f} at {one['box']}" for one in most["boxes"][:4])
        rows.append(("most at once", f"{most['count']} in picture {most['sequence']}: {boxes or most['label']}"))
    p50, p99 = ("-" if latency[name] is None else f"{latency[name]:.0f} ms" for name in ("p50", "p99"))
    rows += [
        ("results", f"{results['recorded']} recorded, {results['delivered']} counted by the consumer,"),
        ("", f"{results['missing']} missing, {results['duplicates']} counted twice; broker: {figures['broker']}"),
        ("latency", f"from picture to result {p50} (median), {p99} (99 in 100)"),
        ("alarms", alarms),
        *(("camera down", why) for why in health["downs"][-5:]),
        ("record", f"ledger head {figures['ledger_head'][:16]}, plan {figures['plan_digest'][:16]}"),
    ]
    return "\n".join(f"{name:<12} {what}" for name, what in rows)


def broken(figures: Mapping[str, Any]) -> list[str]:
    """Return which promises this run broke."""
    frames, results = figures["frames"], figures["results"]
    why = next(iter(figures["health"]["downs"]), "")
    promises = {
        f"no picture came{': ' + why if why else ''}": frames["seen"] > 0,
        "no picture was looked at by the model": frames["inferred"] > 0 or frames["bad"] > 0 or frames["seen"] == 0,
        "a recorded result did not reach the consumer": results["missing"] == 0,
        "a result was counted twice": results["duplicates"] == 0,
    }
    return [promise for promise, held in promises.items() if not held]
