"""The ledger of a run as the judges read it: each event with its plant time and the results recorded with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack

from ripieno.engine import Event, unpack_event
from ripieno_daemon.inquiry.past import Past, Row
from ripieno_daemon.inquiry.replay import replay
from ripieno_daemon.inquiry.rerun import CannotAnswer
from ripieno_daemon.ledger.verify import verify
from ripieno_daemon.ports.inspect import opened_for_reading

from ...ports import WALL_START_NS
from ..terms import US
from .violation import Violation

WHOLE, REPLAYS = "the ledger verifies", "the record replays"
RESULTS = frozenset(("decision", "inference", "alarm"))


@dataclass(slots=True)
class Step:
    """One recorded event.

    Attributes:
        told: (kind, body) of its results.
        is_last: a process ended behind it.
        plans: digests of those that came into force before it, since the last event.
    """

    id: int
    at_us: int
    event: Event
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    is_last: bool = False
    plans: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Record:
    """What the ledger holds. `stream`: (number, record id, kind, payload, us) of what goes to the fleet."""

    steps: list[Step]
    stream: list[tuple[int, int, str, bytes, int]]
    gaps: int
    head: str
    records: int


def read(state: Path, wall_steps: Sequence[tuple[int, int]]) -> tuple[Record, list[Violation]]:
    """Read a ledger; what is wrong with the record itself is found here: its chain, and whether it replays."""
    path = state / "ledger.sqlite"
    report = verify(path)
    found = [Violation(WHOLE, str(one)) for one in report.damage]
    with opened_for_reading(path) as tx:
        past = Past(tx, path)
        rows = list(past.rows())
        try:
            replayed = replay(past)
        except CannotAnswer as error:
            replayed = {"mismatches": 1, "differences": [{"record": 0, "id": "", "why": str(error)}], "left_out": []}
        numbers = dict(tx.execute("SELECT id, seq FROM records WHERE seq IS NOT NULL"))
    times = [*map(_Times(wall_steps).plant_us, (row.wall_ns for row in rows))]
    for one in replayed["differences"]:
        fields = f" (differs in {', '.join(one['fields'])})" if one.get("fields") else ""
        found.append(Violation(REPLAYS, f"record {one['record']}: {one['id']}: {one['why']}{fields}"))
    found += [Violation(REPLAYS, f"left out: {one['why']}") for one in replayed["left_out"]]
    steps, gaps = _steps(rows, times)
    stream = [
        (numbers[row.id], row.id, row.kind, row.payload or b"", at_us)
        for row, at_us in zip(rows, times, strict=True)
        if row.id in numbers
    ]
    return Record(steps, stream, gaps, report.head[1], report.records), found


def _steps(rows: Sequence[Row], times: Sequence[int]) -> tuple[list[Step], int]:
    steps: list[Step] = []
    plans: list[str] = []
    gaps = 0
    for row, at_us in zip(rows, times, strict=True):
        if row.kind == "event":
            steps.append(Step(row.id, at_us, unpack_event(row.payload or b""), plans=plans))
            plans = []
        elif row.kind in RESULTS and steps:
            steps[-1].told.append((row.kind, msgpack.unpackb(row.payload or b"", raw=False)))
        elif row.kind == "plan":
            plans.append(msgpack.unpackb(row.payload or b"", raw=False)["plan"])
            if steps:
                steps[-1].is_last = True
        gaps += row.kind == "gap"
    return steps, gaps


class _Times:
    """Wall times back into plant times: each step of the wall clock leads to another span, see misfortunes.py."""

    def __init__(self, wall_steps: Sequence[tuple[int, int]]) -> None:
        self._steps = list(wall_steps)
        self._at = 0

    def plant_us(self, wall_ns: int) -> int:
        """Return the plant time of a record; records come in their order."""
        while True:
            _, offset_ns = self._steps[self._at]
            plant_us = (wall_ns - WALL_START_NS - offset_ns) // 1000
            ends_us = self._steps[self._at + 1][0] if self._at + 1 < len(self._steps) else None
            if ends_us is None or -US <= plant_us <= ends_us:
                return plant_us
            self._at += 1
