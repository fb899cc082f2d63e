"""Runs one case against an engine: belts move, frames come where the camera is, models and people answer as the case
says, acts have the outcome it says; everything in virtual time, one queue, no chance.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Any

from ripieno import engine as rooms
from ripieno.engine import Effect, Engine, Event
from ripieno.plan import AskStep, ItemPlan, PipelinePlan, StepPlan
from ripieno.values import Health, ItemId, OutcomeKind

from .answering import Missing, answer_of
from .coverage import Coverage

MS = 1_000_000
MODEL_NS = 5 * MS  # of every model and database, where the case does not say that it is late
PERSON_NS = 1_000 * MS
EPOCH = 1
DELIVERY_NS = 1 * MS
STANDSTILL = 100_000  # happenings at one moment; more is a deadline that does not move


class Play:
    """One case, as it runs. `effects`: all that the engine wanted, with when."""

    def __init__(
        self, plan: PipelinePlan, speed_mm_s: float, answers: Mapping[str, Any], coverage: Coverage | None = None
    ) -> None:
        self.plan, self._speed, self._usual, self._coverage = plan, speed_mm_s, answers, coverage
        self.engine = Engine(plan)
        self.t = 0
        self.effects: list[tuple[int, Effect]] = []
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0
        self._edges: dict[str, int] = {}
        self._given: dict[ItemId, Mapping[str, Any]] = {}
        self._frames: dict[tuple[str, int], Mapping[str, Any]] = {}
        self._in_flight: dict[tuple[str, str, int], bytes] = {}
        self._sequence = 0
        self._tell(rooms.Started(0, 0, ()))
        for item in plan.items:
            if not item.stands:
                self._tell(rooms.PositionSeen(0, item.follows, 0.0, EPOCH, 0, 0))

    # --- what happens -------------------------------------------------------------------------------------------

    def item(self, name: str, given: Mapping[str, Any]) -> None:
        """An item starts now."""
        plan = next(one for one in self.plan.items if one.name == name)
        number = self._edges[name] = self._edges.get(name, 0) + 1
        item = ItemId(name, EPOCH, number)
        self._given[item] = given
        begins = next(one.kind for one in self.plan.inputs if one.name == plan.starts.partition(".")[0])
        if begins == "frame":
            self._picture(plan.starts, number, given.get(plan.starts))
            return
        if plan.stands:
            self._message(plan.starts, f"case-{number}", number, given.get(plan.starts) or {})
            return
        source, mm = plan.starts.partition(".")[0], self._mm()
        self._tell(rooms.EdgeSeen(self.t, source, True, EPOCH, number, mm, self.t))
        for step in self.plan.steps:
            if step.each == name and step.input and not step.crop:
                self._see(plan, step, item, mm)

    def reading(self, name: str, values: Any) -> None:
        """A sensor reads now."""
        plan = next(one for one in self.plan.inputs if one.name == name)
        known = values if isinstance(values, Mapping) else {}
        health = Health.GOOD if isinstance(values, Mapping) else Health.FAILED
        numbers = tuple(_number(known.get(field)) for field, _ in plan.fields)
        self._tell(rooms.ReadingSeen(self.t, name, numbers, self.t, health.value))

    def frame(self, name: str, given: Any) -> None:
        """A picture that belongs to no item is taken now."""
        self._sequence += 1
        dark = given == "dark"
        self._frames[name, self._sequence] = given if isinstance(given, Mapping) else {}
        health = Health.DARK if dark else Health.GOOD
        self._tell(
            rooms.FrameSeen(
                self.t, name, self._sequence, None, self.t, health.value, "as the case says" if dark else ""
            )
        )

    def message(self, name: str, fields: Mapping[str, Any]) -> None:
        """A message comes that starts no item."""
        number = self._edges[name] = self._edges.get(name, 0) + 1
        self._message(name, f"case-{number}", number, fields)

    def wait(self, ns: int) -> None:
        """Let time pass: what is due happens, the engine is told of its deadlines and of the belt.

        Raises:
            RuntimeError: the engine wants to be told of one moment for ever.
        """
        end, told = self.t + ns, 0
        while True:
            due = [end]
            if self._queue:
                due.append(self._queue[0][0])
            if (deadline := self.engine.next_deadline()) is not None:
                due.append(max(deadline, self.t))
            if (belt := self._belt_due()) is not None:
                due.append(max(belt, self.t))
            told = told + 1 if min(due) == self.t else 0
            if told > STANDSTILL:
                raise RuntimeError(f"time stands still at {self.t / 1e9:.3f} s: the engine asks for this moment again")
            self.t = min(due)
            if self._queue and self._queue[0][0] <= self.t:
                heapq.heappop(self._queue)[2]()
            elif belt is not None and belt <= self.t:
                self._belts()
            elif deadline is not None and deadline <= self.t:
                self._tell(rooms.Tick(self.t))
            else:
                return

    def restart(self, gap_ns: int) -> None:
        """The daemon ends without a word, and is there again after the gap; belts go on, what was asked is lost."""
        state = self.engine.state()
        self._queue = [one for one in self._queue if getattr(one[2], "outlives", False)]
        heapq.heapify(self._queue)
        self.t += gap_ns
        self.engine = Engine(self.plan)
        self.engine.restore(state)
        in_flight = tuple((*act, note) for act, note in sorted(self._in_flight.items()))
        self._tell(rooms.Started(self.t, gap_ns, in_flight))
        self._belts()

    def finish(self) -> None:
        """Let every item that moves come to its end, and what is under way be answered."""
        longest = max((mm for item in self.plan.items for _, mm in item.places), default=0.0) + 1_000
        has_belt = any(not item.stands for item in self.plan.items)
        self.wait(int(longest / self._speed * 1e9) if has_belt else 2 * PERSON_NS)

    # --- the world ----------------------------------------------------------------------------------------------

    def _mm(self) -> float:
        return round(self.t / 1e9 * self._speed, 6)

    def _at_mm(self, mm: float) -> int:
        return int(mm / self._speed * 1e9) + 1

    def _belt_due(self) -> int | None:
        due = self.engine.next_position_mm()
        return None if due is None else self._at_mm(due)

    def _belts(self) -> None:
        for item in self.plan.items:
            if not item.stands:
                edges = self._edges.get(item.name, 0)
                self._tell(rooms.PositionSeen(self.t, item.follows, self._mm(), EPOCH, edges, self.t))

    def _see(self, plan: ItemPlan, step: StepPlan, item: ItemId, start_mm: float) -> None:
        given = answer_of(step.name, self._given[item], self._usual)
        if given == "no_frame":
            return
        at_mm = start_mm + dict(plan.places)[step.place]

        def expose() -> None:
            self._sequence += 1
            health, why = (Health.DARK, "as the case says") if given == "dark" else (Health.GOOD, "")
            self._tell(rooms.FrameSeen(self.t, step.input, self._sequence, at_mm, self.t, health.value, why))

        self._later(self._at_mm(at_mm), expose)

    def _message(self, name: str, key: str, number: int, given: Mapping[str, Any]) -> None:
        plan = next(one for one in self.plan.inputs if one.name == name)
        fields = tuple(_scalar(given.get(field)) for field, _ in plan.fields)
        self._tell(rooms.MessageSeen(self.t, name, key, EPOCH, number, fields, self.t))

    def _picture(self, name: str, number: int, given: Any) -> None:
        """A picture begins an item, under its own name."""
        self._sequence += 1
        key = str(given["key"]) if isinstance(given, Mapping) and "key" in given else f"case-{number}"
        health, why = (Health.DARK, "as the case says") if given == "dark" else (Health.GOOD, "")
        sequence, t = self._sequence, self.t
        self._tell(rooms.FrameSeen(t, name, sequence, None, t, health.value, why, key=key, epoch=EPOCH, number=number))

    def _later(self, t: int, happen: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (max(t, self.t), self._count, happen))

    def _tell(self, event: Event) -> None:
        if self._coverage is not None:
            self._coverage.told(event)
        effects = self.engine.step(event)
        if self._coverage is not None:
            for effect in effects:
                self._coverage.took(effect)
        self.effects += [(self.t, effect) for effect in effects]
        for effect in effects:
            self._do(effect)

    def _do(self, effect: Effect) -> None:
        match effect:
            case rooms.Infer():
                self._infer(effect)
            case rooms.Look():
                self._look(effect)
            case rooms.Ask():
                self._ask(effect)
            case rooms.Fire():
                self._fire(effect)
            case rooms.Book():
                act = effect.booking.act
                settled = rooms.ActSettled(0, act.cause, act.output, act.index, "executed", "", 0, None, 0)
                self._later(self.t + DELIVERY_NS, lambda: self._settle(settled))

    def _infer(self, infer: rooms.Infer) -> None:
        step = next(one for one in self.plan.steps if one.name == infer.step)
        given = self._given.get(infer.item, {}) if infer.item else self._frames.get((infer.input, infer.sequence), {})
        answer = answer_of(infer.step, given, self._usual)
        health, fields = ("failed", {}) if not isinstance(answer, Mapping) and answer != "late" else ("good", answer)
        late = answer == "late"
        fields = self._usual.get(infer.step, {}) if late else fields
        model = next(one for one in self.plan.models if one.name == step.model)
        known = fields if isinstance(fields, Mapping) else {}
        label, score = str(known.get("label", "")), float(known.get("score", 1.0))
        count = int(known.get("count", 1 if label else 0)) if model.task == "detect" else 0
        found = ((label, score, 0.25, 0.25, 0.75, 0.75),) * count
        numbers = tuple(float(known.get(name, 0.0)) for name in model.labels) if model.task == "regress" else ()
        if model.task == "classify" and "margin" in known:
            numbers = (float(known["margin"]),)
        called_t = self.t

        def answered() -> None:
            self._tell(
                rooms.ResultSeen(
                    t=self.t,
                    step=infer.step,
                    sequence=infer.sequence,
                    item=infer.item,
                    taken_t=infer.taken_t,
                    called_t=called_t,
                    health=health,
                    label=label if health == "good" else "",
                    score=score,
                    why="" if health == "good" else "as the case says",
                    picture_digest="",
                    decode_us=0,
                    invoke_us=0,
                    found=found,
                    numbers=numbers,
                )
            )

        self._later(self.t + (step.deadline_ns + MS if late else MODEL_NS), answered)

    def _look(self, look: rooms.Look) -> None:
        given = answer_of(look.step, self._given.get(look.item, {}), self._usual)
        names = [name for name, _ in next(one for one in self.plan.inputs if one.name == look.input).fields]
        known = given if isinstance(given, Mapping) else {}
        found = bool(known.get("found", True)) and isinstance(given, Mapping)
        health = Health.GOOD if isinstance(given, Mapping) else Health.LATE if given == "late" else Health.FAILED
        fields = tuple(_scalar(known.get(name)) if found else None for name in names)

        def answered() -> None:
            self._tell(
                rooms.RecordSeen(self.t, look.step, look.item, found, fields, self.t, health.value, "as the case says")
            )

        self._later(self.t + (look.deadline_ns if health is Health.LATE else MODEL_NS), answered)

    def _ask(self, ask: rooms.Ask) -> None:
        given = answer_of(ask.step, self._given.get(ask.item, {}), self._usual)
        if given in ("nobody", "unknown", "late"):
            return
        said = given if isinstance(given, Mapping) else {"answer": given}
        answer, by, note = str(said.get("answer", "")), str(said.get("by", "somebody")), str(said.get("note", ""))
        step = next(one for one in self.plan.flow if one.name == ask.step)
        assert isinstance(step, AskStep)
        if answer not in step.answers:
            raise Missing(ask.step, f"'{answer}' is none of its answers: {', '.join(step.answers)}, nobody")

        def answered() -> None:
            self._tell(rooms.Answered(self.t, ask.step, ask.item, answer, by, note))

        answered.outlives = True  # type: ignore[attr-defined]  # a person answers, whether the daemon was gone or not
        self._later(self.t + PERSON_NS, answered)

    def _fire(self, fire: rooms.Fire) -> None:
        act, pulse = fire.pulse.act, fire.pulse
        kind, _, rest = act.cause.partition("-")
        given = self._given.get(ItemId(kind, EPOCH, int(rest.rpartition("-")[2])), {})
        outcome = str(given.get(pulse.output, OutcomeKind.EXECUTED.value))
        self._in_flight[act.cause, act.output, act.index] = fire.note
        why = "" if outcome == OutcomeKind.EXECUTED else "as the case says"

        def settle() -> None:
            self._in_flight.pop((act.cause, act.output, act.index), None)
            at_mm = pulse.begin
            self._settle(rooms.ActSettled(0, act.cause, act.output, act.index, outcome, why, self.t, at_mm, self.t))

        settle.outlives = True  # type: ignore[attr-defined]  # the device acts though the daemon is gone
        self._later(self._at_mm(pulse.begin), settle)

    def _settle(self, event: rooms.ActSettled) -> None:
        settled = rooms.ActSettled(
            *(self.t, event.cause, event.output, event.index, event.kind, event.why, event.at_t, event.position_mm),
            event.sent_t,
        )
        self._tell(settled)


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else float("nan")


def _scalar(value: Any) -> Any:
    if value == "unknown":
        return None
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
