"""The way of one item through the record: how it began, pictures, answers of models, systems and people, decision, act,
outcome, booking, in that order.
"""

from __future__ import annotations

from typing import Any

from ripieno import engine as rooms
from ripieno.engine.items import Item
from ripieno.plan import BookingEffect, PipelinePlan, PulseEffect, RulePlan
from ripieno.values import UNKNOWN, ItemId

from .rerun import Moment
from .seen import Seen
from .times import at


class ItemChain:
    """Collects what the record says of one item, moment by moment.

    `seen_by`: when it was decided, the condition of each rule of its kind, term by term.
    """

    def __init__(self, item: ItemId) -> None:
        self.item = item
        self.edge: dict[str, Any] | None = None
        self.message: dict[str, Any] | None = None
        self.steps: list[dict[str, Any]] = []
        self.pictures: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.decision: dict[str, Any] | None = None
        self.acts: dict[str, dict[str, Any]] = {}
        self.bookings: dict[str, dict[str, Any]] = {}
        self.withheld: list[dict[str, Any]] = []
        self.closed: dict[str, Any] | None = None
        self.plans: list[dict[str, Any]] = []
        self.starts: list[dict[str, Any]] = []
        self._digest = ""
        self.seen_by: dict[str, dict[str, Any]] = {}

    @property
    def is_complete(self) -> bool:
        """Whether nothing more can follow: its way is known and what was booked is settled."""
        return self.closed is not None and all(one["outcome"] for one in self.bookings.values())

    def take(self, moment: Moment) -> None:
        """Step, and keep what concerns the item."""
        self._plan(moment)
        item = moment.engine.find(self.item)
        before, answered = _mark(item), set(item.results if item is not None else ())
        effects = moment.step()
        item = moment.engine.find(self.item) or item  # one that is closed now still holds what it was decided by
        event = moment.event
        if item is not None:
            self._steps(moment, item, answered)
        if isinstance(event, rooms.MessageSeen) and (event.epoch, event.number) == self.item[1:]:
            self._message(moment, event, item)
        elif isinstance(event, rooms.EdgeSeen) and (event.epoch, event.number) == self.item[1:]:
            self._edge(moment, event)
        elif isinstance(event, rooms.FrameSeen) and _mark(item) != before:
            self._picture(moment, event, item)
        elif isinstance(event, rooms.ResultSeen) and event.item == self.item:
            self._answer(moment, event, item)
        elif isinstance(event, rooms.ActSettled) and event.cause == str(self.item):
            self._outcome(moment, event)
        elif isinstance(event, rooms.Started) and (self.edge or self.message) and self.closed is None:
            self.starts.append({**at(moment.row, event.t), "gap_s": round(event.gap_ns / 1e9, 6)})
        for effect in effects:
            self._effect(moment, effect, item)

    def _plan(self, moment: Moment) -> None:
        """Keep that another plan took over while the item was on its way."""
        if moment.digest != self._digest and (self.edge or self.message) and self.closed is None:
            plan = moment.plan
            named = {"plan": moment.digest[:16], "name": plan.name, "version": plan.version}
            self.plans.append({**at(moment.row, moment.event.t), "record": moment.row.id, **named})
        self._digest = moment.digest

    def _edge(self, moment: Moment, event: rooms.EdgeSeen) -> None:
        if self.edge is None:
            self.edge = {
                **at(moment.row, event.taken_t),
                "record": moment.row.id,
                "input": event.input,
                "number": event.number,
                "position_mm": event.position_mm,
            }

    def _message(self, moment: Moment, event: rooms.MessageSeen, item: Item | None) -> None:
        names = [name for name, _ in moment.engine.scene.inputs[event.input].fields]
        self.message = {
            **at(moment.row, event.taken_t),
            "record": moment.row.id,
            "input": event.input,
            "key": event.key if item is None else item.key,
            "fields": dict(zip(names, event.fields, strict=True)),
        }

    def _steps(self, moment: Moment, item: Item, answered: set[str]) -> None:
        """Keep what steps that no model answers have said in this moment: computed, looked up, or asked."""
        plans = {step.name: step for step in moment.plan.flow}
        for name in item.results:
            if name in answered or name not in plans:
                continue
            fields = item.results[name]
            self.steps.append(
                {
                    **at(moment.row, moment.event.t),
                    "record": moment.row.id,
                    "step": name,
                    "kind": type(plans[name]).__name__.removesuffix("Step").lower(),
                    "fields": None if fields is UNKNOWN else fields,
                    "why": item.doubts.get(name, ""),
                }
            )

    def _picture(self, moment: Moment, event: rooms.FrameSeen, item: Item | None) -> None:
        shown = any(isinstance(one, rooms.Infer) and one.item == self.item for one in moment.step())
        self.pictures.append(
            {
                **at(moment.row, event.t),
                "record": moment.row.id,
                "input": event.input,
                "sequence": event.sequence,
                "position_mm": event.position_mm,
                "age_ms": round((event.t - event.taken_t) / 1e6, 3),
                "key": event.key,
                "health": event.health,
                "shown_to_model": shown,
                "why": "" if shown or item is None else event.why or item.why,
            }
        )

    def _answer(self, moment: Moment, event: rooms.ResultSeen, item: Item | None) -> None:
        plan = moment.plan
        step = next(one for one in plan.steps if one.name == event.step)
        model = next(one for one in plan.models if one.name == step.model)
        used = item is not None and item.results.get(event.step, UNKNOWN) is not UNKNOWN
        doubt = item.doubts.get(event.step, item.why) if item is not None and not used else ""
        self.answers.append(
            {
                **at(moment.row, event.t),
                "record": moment.row.id,
                "step": event.step,
                "model": model.name,
                "model_digest": model.sha256[:16],
                "label": event.label,
                "score": event.score,
                "numbers": list(event.numbers),
                "found": len(event.found),
                "health": event.health,
                "picture_digest": event.picture_digest,
                "picture_age_ms": round((event.t - event.taken_t) / 1e6, 3),
                "answered_in_ms": round((event.t - event.called_t) / 1e6, 3),
                "decode_ms": event.decode_us / 1e3,
                "invoke_ms": event.invoke_us / 1e3,
                "used": used,
                "why": event.why or doubt or ("" if used else "it came after the verdict"),
            }
        )

    def _outcome(self, moment: Moment, event: rooms.ActSettled) -> None:
        act = f"{event.cause}/{event.output}/{event.index}"
        outcome = {
            **at(moment.row, event.t),
            "record": moment.row.id,
            "kind": event.kind,
            "why": event.why,
            "began": at(moment.row, event.at_t) if event.at_t else None,
            "sent": at(moment.row, event.sent_t) if event.sent_t else None,
            "position_mm": event.position_mm,
        }
        for known in (self.acts, self.bookings):
            if act in known:
                known[act]["outcome"] = outcome

    def _decision(self, moment: Moment, effect: rooms.Decided, item: Item | None) -> dict[str, Any]:
        rules = moment.engine.recipes.rules(effect.recipe)
        for rule in rules:
            if rule.each == self.item.kind:
                operands = [(n, value) for n, value, _ in effect.operands] if rule.name == effect.rule else None
                self.seen_by[rule.name] = Seen(moment.engine, item, operands).terms(rule.when)
        decider = next((one for one in rules if one.name == effect.rule), None)
        return {
            **at(moment.row, moment.event.t),
            "record": next((row.id for row in moment.told if row.kind == "decision"), moment.row.id),
            "verdict": effect.verdict,
            "recipe": effect.recipe,
            "why": effect.why,
            "rule": rule_plain(decider),
            "terms": self.seen_by[effect.rule] if decider is not None and effect.operands else None,
            "operands": [{"name": n, "value": value, "age_ms": age} for n, value, age in effect.operands],
        }

    def _effect(self, moment: Moment, effect: rooms.Effect, item: Item | None) -> None:
        match effect:
            case rooms.Decided() if effect.item == self.item and self.decision is None:
                self.decision = self._decision(moment, effect, item)
            case rooms.Fire() if effect.pulse.act.cause == str(self.item):
                pulse = effect.pulse
                self.acts[str(pulse.act)] = {
                    **at(moment.row, moment.event.t),
                    "act": str(pulse.act),
                    "command": _command(moment.plan, pulse.output),
                    "begin_mm": pulse.begin,
                    "late_mm": pulse.late,
                    "span_mm": pulse.span_mm,
                    "hold_s": pulse.hold_s,
                    "outcome": None,
                }
            case rooms.Book() if effect.booking.act.cause == str(self.item):
                booking = effect.booking
                name = f"{booking.output}.{booking.verb}"
                self.bookings.setdefault(
                    str(booking.act),
                    {
                        **at(moment.row, moment.event.t),
                        "act": str(booking.act),
                        "command": name,
                        "fields": dict(booking.fields),
                        "rule": _booked_by(moment.plan, booking.output, booking.verb),
                        "outcome": None,
                    },
                )
            case rooms.Withheld() if effect.act.cause == str(self.item):
                self.withheld.append(
                    {
                        **at(moment.row, moment.event.t),
                        "act": str(effect.act),
                        "command": f"{effect.output}.{effect.verb}",
                        "rule": effect.rule,
                        "mode": effect.how,
                        "is_pulse": moment.engine.scene.outputs[effect.output].kind == "pulse",
                        "fields": dict(effect.fields),
                    }
                )
            case rooms.Closed() if effect.item == self.item:
                self.closed = {**at(moment.row, moment.event.t), "way": effect.way, "why": effect.why}


def _mark(item: Item | None) -> object:
    return None if item is None else (tuple(item.called), tuple(item.results), item.verdict, item.act)


def rule_plain(rule: RulePlan | None) -> dict[str, Any] | None:
    """Return where a rule stands and what it says."""
    return None if rule is None else {"name": rule.name, "source": rule.source, "when": rule.text}


def _command(plan: PipelinePlan, output: str) -> str:
    verbs = [
        one.verb for rule in plan.rules for one in rule.do if isinstance(one, PulseEffect) and one.output == output
    ]
    return f"{output}.{verbs[0]}" if verbs else output


def _booked_by(plan: PipelinePlan, output: str, verb: str) -> str:
    for rule in plan.rules:
        for one in rule.do:
            if isinstance(one, BookingEffect) and (one.output, one.verb) == (output, verb):
                return rule.name
    return ""
