"""Replay: does the engine, given the recorded events, decide today what was recorded then?

Grade L0: the models' answers are taken as recorded, and everything that follows from them is made again. That is
exact: each record of a decision, a report or an alarm must have the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import msgpack

from ripieno.plan import Plan

from ..conducting.told import told
from .past import Past, Row
from .rerun import CannotAnswer, Moment, Rerun
from .times import at

FEW = 50


def replay(past: Past, given: Plan | None = None) -> dict[str, Any]:
    """Return the result: `decisions` that were made again, `grade`, `mismatches`, `differences[]` and `flips[]`.

    `differences` has the first 50 with their records, `flips` those among them where another decision was made.
    `cut`: results of a step whose record the end of a process cut off.

    Raises:
        CannotAnswer: nothing can be replayed.
    """
    rerun = Rerun(past, given)
    count = _Count()
    for moment in rerun.moments():
        count.take(moment)
    left_out = [{"first": one.first, "last": one.last, "results": one.results, "why": one.why} for one in rerun.missing]
    for record, why in rerun.broken:
        count.differs(record, "", why, None, None)
    if not count.events and left_out:
        raise CannotAnswer(f"nothing can be replayed: {left_out[0]['why']}; name its device file with --device FILE")
    return {
        "grade": "L0",
        "events": count.events,
        "decisions": count.decisions,
        "reports": count.reports,
        "alarms": count.alarms,
        "mismatches": count.mismatches,
        "differences": count.differences,
        "flips": count.flips,
        "cut": count.cut,
        "starts": rerun.starts,
        "plans": rerun.plans,
        "left_out": left_out,
        "gaps": [{"record": record, "records_lost": lost} for record, lost in rerun.gaps],
        "from": count.begins,
    }


class _Count:
    """Compares moment by moment."""

    def __init__(self) -> None:
        self.events = self.decisions = self.reports = self.alarms = self.mismatches = self.cut = 0
        self.differences: list[dict[str, Any]] = []
        self.flips: list[dict[str, Any]] = []
        self.begins: dict[str, Any] | None = None

    def take(self, moment: Moment) -> None:
        """Step, and hold what follows against what was recorded."""
        self.events += 1
        if self.begins is None:
            self.begins = {"record": moment.row.id, **at(moment.row, moment.row.t_ns)}
        try:
            effects = moment.step()
        except Exception:  # the rerun names it
            return
        events = moment.engine.scene.events
        made = [one for n, effect in enumerate(effects) if (one := told(effect, n, events, moment.digest)) is not None]
        for recorded, replayed in zip_longest(moment.told, made):
            if recorded is None and (moment.is_last or type(moment.event).__name__ == "Started"):
                self.cut += 1
            else:
                self._compare(moment, recorded, replayed)

    def _compare(self, moment: Moment, recorded: Row | None, replayed: tuple[str, dict[str, Any]] | None) -> None:
        kind = recorded.kind if recorded is not None else replayed[0] if replayed is not None else ""
        self.decisions += kind == "decision"
        self.reports += kind == "inference"
        self.alarms += kind == "alarm"
        body = None if replayed is None else replayed[1]
        if recorded is None:
            self.differs(moment.row.id, _id(body), f"this event gives a {kind} that is not recorded", None, body)
        elif recorded.payload is None:
            pass  # erased: its digest alone is left, and the event behind it may be whole
        elif replayed is None:
            self.differs(recorded.id, _id(_body(recorded)), f"no such {kind} follows", _body(recorded), None)
        elif recorded.kind != replayed[0] or recorded.payload != msgpack.packb(body, use_bin_type=True):
            self.differs(recorded.id, _id(_body(recorded)), "another one follows", _body(recorded), body)

    def differs(
        self, record: int, id: str, why: str, recorded: Mapping[str, Any] | None, replayed: Mapping[str, Any] | None
    ) -> None:
        """Count a mismatch and keep it, if it is among the first."""
        self.mismatches += 1
        before, after = _decision(recorded), _decision(replayed)
        if len(self.differences) < FEW:
            names = sorted({*(recorded or {}), *(replayed or {})})
            fields = [name for name in names if (recorded or {}).get(name) != (replayed or {}).get(name)]
            one = {"record": record, "id": id, "why": why, "fields": fields if recorded and replayed else []}
            self.differences.append({**one, "recorded": recorded, "replayed": replayed})
        if before != after and len(self.flips) < FEW:
            self.flips.append({"record": record, "id": id, "recorded": before, "replayed": after})


def _body(row: Row) -> dict[str, Any]:
    try:
        body = msgpack.unpackb(row.payload or b"", raw=False)
    except (ValueError, msgpack.UnpackException):
        return {}
    return body if isinstance(body, dict) else {}


def _id(body: Mapping[str, Any] | None) -> str:
    return str((body or {}).get("id", ""))


def _decision(body: Mapping[str, Any] | None) -> str | None:
    """Return what was decided, in a word: a verdict, or a change of an output."""
    if not body:
        return None
    if "verdict" in body:
        return str(body["verdict"])
    if "what" in body:
        return f"{body['what']} {body['output']} {body['before']:g} -> {body['after']:g}"
    return str(body.get("code") or body.get("label") or body.get("kind") or "")


def text(result: Mapping[str, Any]) -> str:
    """Return the result as a person reads it."""
    results = f"{result['decisions']} decisions, {result['reports']} reports, {result['alarms']} alarms"
    lines = [
        f"grade {result['grade']}: {results} made again from {result['events']} events "
        f"({result['starts']} starts, {len(result['plans'])} plans)"
    ]
    for one in result["left_out"]:
        lines.append(
            f"LEFT OUT {one['results']} results, records {one['first']} to {one['last']}: {one['why']}"
            f"{'; replay goes on at record ' + str(result['from']['record']) if result['from'] else ''}"
        )
    for one in result["gaps"]:
        lines.append(f"GAP {one['records_lost']} records before record {one['record']} never reached the disk")
    if result["cut"]:
        lines.append(f"{result['cut']} results were made again that the end of a process cut off before their record")
    for one in result["differences"]:
        says = f"{one['id']}: " if one["id"] else ""
        pair = (
            f": recorded {_decision(one['recorded']) or 'nothing'}, replayed {_decision(one['replayed']) or 'nothing'}"
        )
        pair = pair if one["recorded"] or one["replayed"] else ""
        fields = f" (differs in {', '.join(one['fields'])})" if one["fields"] else ""
        lines.append(f"MISMATCH record {one['record']}: {says}{one['why']}{pair}{fields}")
    more = result["mismatches"] - len(result["differences"])
    if more:
        lines.append(f"and {more} more")
    lines.append(f"{result['mismatches']} mismatches" if result["mismatches"] else "0 mismatches")
    return "\n".join(lines)
