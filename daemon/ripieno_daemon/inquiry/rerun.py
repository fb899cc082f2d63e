"""The recorded events once more, one by one, through the engine of the plan that was in force.

A restart changes nothing (the engine recovers to where the last durable record left it); another plan's engine takes
over from the one before, as the daemon's does. Where payloads were erased nobody can follow: it goes on from the
snapshot that lies behind them, or from the next plan that takes nothing over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgpack

from ripieno.engine import Effect, Engine, Event, unpack_event
from ripieno.errors import RipienoError
from ripieno.plan import PipelinePlan, Plan, PlanDamaged, decode, digest, joined, severed
from ripieno.plan.codec import digest_of

from ..conducting.recovery import go_on, how_of
from .past import Past, Row

RESULTS = frozenset(("decision", "outcome", "inference", "ask", "alarm"))


class CannotAnswer(RipienoError):
    """The ledger does not hold what the question needs; the message says what would help."""


@dataclass(slots=True)
class Moment:
    """One recorded event, before it is taken; `told`: the results that were recorded with it.

    `is_last`: a process ended behind it, or the disk refused: some of its results may be missing.
    """

    row: Row
    event: Event
    told: list[Row]
    engine: Engine
    digest: str
    is_last: bool = False
    effects: list[Effect] | None = None

    @property
    def plan(self) -> PipelinePlan:
        """The plan in force."""
        return self.engine.plan

    def step(self) -> list[Effect]:
        """Let the engine take the event, once, and return what it wants done."""
        if self.effects is None:
            self.effects = self.engine.step(self.event)
        return self.effects

    def wall_ns(self, t_ns: int) -> int:
        """Return the UTC time of an engine time near this event."""
        return self.row.wall_of(t_ns)


@dataclass(slots=True)
class Missing:
    """What could not be run again: how many results, from which record to which, and why."""

    first: int
    last: int
    results: int
    why: str


@dataclass
class Rerun:
    """One way through a ledger.

    Args:
        given: a plan from outside, for ledgers that do not hold theirs.

    After `moments`: `missing` (what was left out), `gaps` (record, how many the disk did not take), `broken` (record,
    why) for events that the engine cannot take and results without one, `starts`, `plans` (digests in order).
    """

    past: Past
    given: Plan | None = None
    missing: list[Missing] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    broken: list[tuple[int, str]] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    starts: int = 0

    def __post_init__(self) -> None:
        self._trees: dict[str, Plan] = {}
        self._engine: Engine | None = None
        self._digest = ""
        self._why = "no plan stands before them"

    def moments(self) -> Iterator[Moment]:
        """Yield each event that can be run again; whoever takes the moment may step, or it is stepped for him."""
        self._trees = self._known_plans()
        state, upto = self.past.snapshot()
        held: Moment | None = None
        for row in self.past.rows():
            if row.kind in RESULTS:
                if held is not None:
                    held.told.append(row)
                elif self._engine is None:
                    self._miss(row)
                else:
                    self.broken.append((row.id, f"no event stands before this {row.kind}"))
                continue
            if row.kind not in ("event", "plan", "gap", "epoch"):
                continue
            if held is not None:
                held.is_last = row.kind != "event"
                yield from self._take(held)
                held = None
            if row.kind == "plan":
                self._plan(row)
            elif row.kind == "epoch":
                self._engine, self._digest, self._why = None, "", "another epoch began, and no plan stands before them"
            elif row.kind == "gap":
                self.gaps.append((row.id, int.from_bytes((row.payload or b"")[8:16], "big")))
            else:
                if self._engine is None and state is not None and row.id > upto:
                    self._restore(state)
                    state = None
                held = self._event(row)
        if held is not None:
            held.is_last = True
            yield from self._take(held)

    def _take(self, moment: Moment) -> Iterator[Moment]:
        yield moment
        try:
            moment.step()
        except Exception as error:  # an event that was never the engine's may break it anywhere
            self._lose(moment.row, f"the engine cannot take this event: {type(error).__name__}: {error}")

    def _event(self, row: Row) -> Moment | None:
        if row.payload is None:
            self._engine, self._why = None, "payloads were erased"
        if self._engine is None or row.payload is None:
            return None
        try:
            event = unpack_event(row.payload)
        except ValueError as error:
            self._lose(row, str(error))
            return None
        self.starts += type(event).__name__ == "Started"
        return Moment(row, event, [], self._engine, self._digest)

    def _lose(self, row: Row, why: str) -> None:
        self.broken.append((row.id, why))
        self._engine, self._why = None, f"record {row.id} cannot be taken"

    def _plan(self, row: Row) -> None:
        if row.payload is None:
            self._engine, self._digest, self._why = None, "", "payloads were erased"
            return
        body = msgpack.unpackb(row.payload, raw=False)
        now: str = body["plan"]
        if now == self._digest:
            return
        before, was = self._engine, self._trees.get(self._digest)
        self._digest = now
        self.plans.append(now)
        self._begin()
        how = how_of(body)
        if before is not None and was is not None and self._engine is not None:
            go_on(self._engine, before, how, severed(was, self._trees[now]))
        elif how and self._engine is not None:
            self._engine, self._why = None, "the plan goes on from events that cannot be run again"

    def _begin(self) -> None:
        plan = self._trees.get(self._digest)
        self._engine = None if plan is None else Engine(joined(plan))
        self._why = f"the ledger does not hold the plan {self._digest[:16]}"

    def _restore(self, state: bytes) -> None:
        whose, engine, *_ = msgpack.unpackb(state, raw=False)
        self._digest = whose
        self._begin()
        if self._engine is not None:
            self._engine.restore(engine)

    def _miss(self, row: Row) -> None:
        last = self.missing[-1] if self.missing else None
        if last is None or last.why != self._why:
            last = Missing(row.id, row.id, 0, self._why)
            self.missing.append(last)
        last.last = row.id
        last.results += 1

    def _known_plans(self) -> dict[str, Plan]:
        """Return all plans that the ledger holds whole; one may be recorded behind its first use."""
        known = {} if self.given is None else {digest(self.given): self.given}
        for row in self.past.rows():
            if row.kind != "plan" or row.payload is None:
                continue
            body: dict[str, Any] = msgpack.unpackb(row.payload, raw=False)
            if "tree" not in body:
                continue
            if digest_of(body["tree"]) != body["plan"]:
                raise CannotAnswer(f"record {row.id} holds a plan that is not the one it names: {body['plan'][:16]}")
            try:
                known[body["plan"]] = decode(body["tree"])
            except PlanDamaged as error:
                what = f"record {row.id} holds a plan that this release does not read: {error}"
                raise CannotAnswer(f"{what} (ask with the release that made it)") from error
        return known
