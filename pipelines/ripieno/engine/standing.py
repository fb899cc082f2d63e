"""The way of an item that stands (a study, a question): begun by a message, decided by rules, closed when all is said.

Rules with a verdict are looked at in the order of the file: the first that is true decides, and one that may still
become true is waited for, so that the verdict does not depend on which answer came first. When all are settled without
one being true, or the time is over, the item is undecided: what happens then is a rule's too (`after: ITEM.undecided`).
"""

from __future__ import annotations

from typing import Any

from ripieno.plan import Operand, PipelinePlan, RulePlan, StepPlan
from ripieno.values import UNKNOWN, ItemId, Verdict

from . import events
from .bookings import Bookings
from .effects import Alarm, Closed, Decided, Operands
from .handover import Handover
from .items import MAX_OPEN, Desk, Item
from .recipes import Recipes
from .scene import Scene
from .steering import Steering
from .steps.answers import Answers
from .steps.asks import Asks
from .steps.flow import Flow


class Standing:
    """All items of a pipeline that stand."""

    def __init__(
        self,
        plan: PipelinePlan,
        scene: Scene,
        steering: Steering,
        flow: Flow,
        asks: Asks,
        bookings: Bookings,
        answers: Answers,
        recipes: Recipes,
    ) -> None:
        self._scene, self._steering, self._flow, self._asks = scene, steering, flow, asks
        self._bookings, self._answers, self._recipes = bookings, answers, recipes
        self.desks = {item.name: Desk(item) for item in plan.items if item.stands}
        self._by_start = {item.starts: self.desks[item.name] for item in plan.items if item.stands}
        self._ended: list[tuple[Item, str]] = []
        rules = [rule for rule in plan.rules if rule.each in self.desks]
        self._deciding = {name: [r for r in rules if r.each == name and r.verdict] for name in self.desks}
        self._others = {
            name: [r for r in rules if r.each == name and not r.verdict and not r.after] for name in self.desks
        }
        self._after = {name: [r for r in rules if r.each == name and r.after] for name in self.desks}

    def find(self, item_id: ItemId) -> Item | None:
        """Return an item that is under way."""
        desk = self.desks.get(item_id.kind)
        return None if desk is None else desk.find(item_id)

    def undecided(self) -> int:
        """Return how many open items have no verdict yet."""
        ended = sum(1 for item, _ in self._ended if not item.verdict)
        return ended + sum(1 for desk in self.desks.values() for item in desk if not item.verdict)

    def message(self, event: events.MessageSeen) -> bool:
        """Begin an item with a message; False where no item begins with this input."""
        desk = self._by_start.get(event.input)
        if desk is None:
            return False
        names = [name for name, _ in self._scene.inputs[event.input].fields]
        pairs = zip(names, event.fields, strict=True)
        fields: dict[str, object] = {name: value for name, value in pairs if value is not None}
        item = self._begin(desk, event, str(fields.get(desk.plan.key, "")) if desk.plan.key else event.key, fields)
        if item is not None:
            self._flow.advance(item)
            self.judge(item)
        return True

    def frame(self, event: events.FrameSeen) -> Item | None:
        """Begin an item with a frame; None where no item begins with this input, or it is known already."""
        desk = self._by_start.get(event.input)
        return None if desk is None else self._begin(desk, event, event.key, {"key": event.key})

    def starts_with(self, input_name: str) -> bool:
        """Whether items begin with this input."""
        return input_name in self._by_start

    def judge(self, item: Item, late: bool = False) -> None:
        """Let the rules of this item see what is known. `late`: what is not known now never will be."""
        kind = item.id.kind
        if not item.verdict:
            self._decide(item, late)
        is_settled = True
        for rule in self._others[kind]:
            if rule.name in item.fired:
                continue
            value, _ = self._recipes.condition(rule.name, item.recipe).value(self._flow.look_up(item))
            if value is True:
                self._act(item, rule)
            is_settled &= value is not UNKNOWN or late or self._is_answered(rule, item)
        if item.verdict and (is_settled or late):
            self._close(item)

    def tick(self, t: int) -> None:
        """Decide those whose time is over."""
        for desk in self.desks.values():
            for item in desk:
                if item.due_t <= t:
                    item.why = item.why or "its time was over"
                    self.judge(item, late=True)

    def deadline(self) -> int | None:
        """Return when the next item must be decided."""
        return min((item.due_t for desk in self.desks.values() for item in desk), default=None)

    def resume(self) -> None:
        """Go on after a start."""
        for desk in self.desks.values():
            for item in desk:
                self._flow.resume(item)
                self._flow.advance(item)
                self.judge(item)

    def take_over(self, before: Standing, by: Handover) -> None:
        """Take over items whose kind begins with the same input; the others have ended, which is told later. What was
        heard before is known, so that a message that comes again is the same.
        """
        for kind, old in before.desks.items():
            known = None if old.plan.starts in by.severed else self._by_start.get(old.plan.starts)
            desk = self.desks[kind] if known is not None and known.plan.name == kind else None
            if known is not None and known.plan.key == old.plan.key:
                known.remember(old)
            for item in old:
                if desk is None or desk.plan.key != old.plan.key:
                    self._ended.append((item, by.why))
                else:
                    desk.keep(by.carried(item))
        self._ended += before._ended

    def tell(self) -> None:
        """Tell which items a change of the plan ended."""
        ended, self._ended = self._ended, []
        for item, why in ended:
            if not item.verdict:
                self._verdict(item, Verdict.UNDECIDED.value, None, why, ())
            self._close(item)

    def state(self) -> dict[str, Any]:
        """Return what a snapshot keeps."""
        ended = [[item.id.kind, item.plain(), why] for item, why in self._ended]
        return {"": ended, **{name: desk.state() for name, desk in self.desks.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self._ended = [(Item.from_plain(kind, plain), why) for kind, plain, why in state.get("", ())]
        for name, desk in self.desks.items():
            desk.restore(state[name])

    # --- inside -------------------------------------------------------------------------------------------------

    def _begin(
        self, desk: Desk, event: events.MessageSeen | events.FrameSeen, key: str, fields: dict[str, object]
    ) -> Item | None:
        kind = desk.plan.name
        if not key:
            self._scene.counters["messages_without_key"] += 1
            self._scene.effects.append(
                Alarm("message-without-key", f"{event.input}: it names no {kind}; it is refused")
            )
            return None
        if desk.knows(key):
            self._scene.counters["messages_again"] += 1
            return None
        if len(desk) >= MAX_OPEN:
            self._scene.counters["messages_refused"] += 1
            text = f"{MAX_OPEN} are under way; {key} is refused, and may be sent again"
            self._scene.effects.append(Alarm("too-many-items", f"{kind}: {text}"))
            return None
        self._scene.counters["triggers"] += 1
        item = desk.begin(event.epoch, event.number, key, self._scene.t)
        item.recipe = self._scene.recipe
        item.results[event.input], item.taken[event.input] = fields, event.taken_t
        return item

    def _decide(self, item: Item, late: bool) -> None:
        """Take the first rule that is true; none may be passed over that is not settled."""
        if why := self._recipes.wrong(item.recipe):
            self._verdict(item, Verdict.UNDECIDED.value, None, why, ())
            return
        for rule in self._deciding[item.id.kind]:
            condition = self._recipes.condition(rule.name, item.recipe)
            value, operands = condition.value(self._flow.look_up(item))
            if value is True:
                self._verdict(item, rule.verdict, rule, "", self._scene.operands(condition.reads, operands, item))
                return
            if value is UNKNOWN and not late and not self._is_answered(rule, item):
                return
        why = item.why or next(iter(item.doubts.values()), "") or "no rule decides it"
        self._verdict(item, Verdict.UNDECIDED.value, None, why, ())

    def _verdict(self, item: Item, verdict: str, rule: RulePlan | None, why: str, operands: Operands) -> None:
        item.verdict, item.why = verdict, why
        self._scene.counters["undecided" if rule is None else "decided"] += 1
        self._scene.counters[f"{item.id.kind}_{verdict}"] += 1
        steps = (self._flow.steps[name] for name in item.called if name in self._flow.steps)
        model = next((self._answers.model(step) for step in steps if isinstance(step, StepPlan)), "")
        name = rule.name if rule is not None else ""
        self._scene.effects.append(
            Decided(item.id, verdict, name, why, operands, item.picture_digest, model, item.key, item.recipe)
        )
        self._steering.decided()
        if rule is not None:
            self._act(item, rule)
        for follower in self._after.get(item.id.kind, ()):
            if follower.after.partition(".")[2] == verdict:
                value, _ = self._recipes.condition(follower.name, item.recipe).value(self._flow.look_up(item))
                if value is True:
                    self._act(item, follower)

    def _act(self, item: Item, rule: RulePlan) -> None:
        item.fired.append(rule.name)
        self._bookings.book(str(item.id), rule, self._flow.look_up(item), item.spent)

    def _is_answered(self, rule: RulePlan, item: Item) -> bool:
        """Whether every step that the rule names is answered: what it does not know now it never will."""
        return all(
            read.name in item.results
            for read in self._recipes.condition(rule.name, item.recipe).reads
            if isinstance(read, Operand) and read.name in self._flow.steps
        )

    def _close(self, item: Item) -> None:
        for ask in self._asks:
            if ask.item == item.id:
                self._asks.end(ask.step, item.id, "moot")
        self._flow.release(item)
        if (desk := self.desks.get(item.id.kind)) is not None:
            desk.close(item)
        self._scene.counters["closed"] += 1
        self._scene.effects.append(Closed(item.id, item.verdict, item.why))
