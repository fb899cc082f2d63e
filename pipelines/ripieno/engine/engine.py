"""The engine: one event in, a list of effects out. It has no clock, no I/O and no randomness.

`step` may be called from one place only. The state after the same events is the same, byte for byte (`state`), and
the effects are.
What happens to an item is in `passage.py` (one that moves) and `standing.py`, rules over time in `steering.py`; this
module sends each event where it belongs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgpack

from ripieno.plan import JoinStep, PipelinePlan, StepPlan
from ripieno.values import Health, ItemId

from . import events
from .belts import Belts
from .bookings import Bookings
from .condition import Condition
from .effects import Ask, Drop, Effect, Infer, Set
from .handover import Handover, tell
from .hands import Hands
from .items import Item
from .passage import Passage
from .recipes import Recipes
from .scene import Scene
from .sight import Sight
from .standing import Standing
from .steering import Steering
from .steps.answers import Answers
from .steps.asks import Asks
from .steps.flow import Flow
from .streams import Evidence, Joined, Streams

STATE_FORMAT = 3
WITHOUT_HANDS = 2  # the format before: all but its last part


class Engine:
    """Runs one pipeline.

    Args:
        plan: what the compile step wrote; it is taken as checked.
    """

    def __init__(self, plan: PipelinePlan) -> None:
        self.plan = plan
        scene = self.scene = Scene(plan)
        self.recipes = Recipes(plan, scene)
        self._bookings = Bookings(plan, scene)
        self._asks = Asks(plan, scene)
        self._answers = Answers(plan, scene)
        belts = self._belts = Belts(scene)
        self._evidence, self._sight = Evidence(plan, scene, belts), Sight(scene, belts)
        self.steering = Steering(plan, scene, self._bookings, self.recipes)
        self._hands = Hands(scene, self.steering)
        self._streams = Streams(plan, scene, self.steering, self._joined)
        self.flow = Flow(plan, scene, self._streams, self._asks)
        parts = (self._bookings, self._answers, self.recipes)
        self.passage = Passage(plan, scene, self.steering, self.flow, *parts)
        self.standing = Standing(plan, scene, self.steering, self.flow, self._asks, *parts)
        self._is_heir = False  # something may have ended that nobody was told yet
        self._steps = {step.name: step for step in plan.steps}
        self._when = {step.name: Condition(step.when) for step in plan.steps if step.when is not None and not step.each}
        self._routes: dict[type, Callable[[Any], None]] = {
            events.Started: self._started,
            events.Tick: self._tick,
            events.EdgeSeen: self._edge,
            events.PositionSeen: self._position,
            events.ReadingSeen: self._reading,
            events.FrameSeen: self._frame,
            events.MessageSeen: self._message,
            events.ResultSeen: self._result,
            events.RecordSeen: self._record,
            events.Answered: self._answered,
            events.ActSettled: self._settled,
            events.DeviceChanged: self._device,
            events.OutputTaken: self._hands.taken,
            events.PulseByHand: self._hands.pulse,
            events.RecipeChosen: self._chosen,
        }

    @property
    def counters(self) -> dict[str, int]:
        """Counts since the ledger began: triggers = good + defective + undecided + decided + open, and what was
        dropped and why.
        """
        return {**self.scene.counters, "open": self.passage.books.undecided() + self.standing.undecided()}

    def find(self, item: ItemId) -> Item | None:
        """Return an item that is under way."""
        return self.passage.books.find(item) or self.standing.find(item)

    def asks(self) -> list[Ask]:
        """Return the questions that wait for a person, the oldest first."""
        return list(self._asks)

    def step(self, event: events.Event) -> list[Effect]:
        """Take one event and return what is to be done, in order."""
        scene = self.scene
        scene.t = max(scene.t, event.t)
        scene.events += 1
        scene.effects = []
        if self._is_heir and not isinstance(event, events.Started):
            self._tell()
        self._routes[type(event)](event)
        return scene.effects

    def take_over(self, before: Engine, severed: frozenset[str] = frozenset()) -> None:
        """Go on for the engine of another plan: with its counts, its items under way, its acts and bookings that are
        out, its setpoints, and with windows, timers and questions of what is the same in both plans. Rules that are
        new or changed begin anew. What cannot go on ends, which is told with the next event.

        Args:
            before: stays as it is. Nothing was told to this engine yet.
            severed: inputs and outputs that are gone, or another thing behind the same name (plan.severed).
        """
        by = Handover(before, self, severed)
        self.scene.take_over(before.scene, by)
        self.passage.books.take_over(before.passage.books, by)
        self.standing.take_over(before.standing, by)
        self._asks.take_over(before._asks, by)
        self._bookings.take_over(before._bookings, by)
        self._evidence.take_over(before._evidence, by)
        self._streams.take_over(before._streams, by)
        self._hands.take_over(before._hands, by)
        self.steering.take_over(before.steering, by)
        self._is_heir = True

    def next_deadline(self) -> int | None:
        """Return the engine time at which a Tick is due, None if only other events matter."""
        waits = (
            self.steering.deadline(self.scene.t),
            self.standing.deadline(),
            self._asks.deadline(),
            self._streams.deadline(),
        )
        return min((due for due in waits if due is not None), default=None)

    def taken(self) -> dict[str, str]:
        """Return the outputs that are out of the rules' hands, and how."""
        return dict(self.scene.taken)

    def next_position_mm(self) -> float | None:
        """Return the belt position from which a PositionSeen would make a difference, None if none would."""
        return self.passage.next_position_mm()

    def state(self) -> bytes:
        """Return the whole state as canonical bytes, for a snapshot."""
        packed = msgpack.packb([STATE_FORMAT, *(part.state() for part in self._parts())], use_bin_type=True)
        assert isinstance(packed, bytes)
        return packed

    def restore(self, state: bytes) -> None:
        """Take back what `state` returned. Raises ValueError if another format wrote it."""
        form, *parts = msgpack.unpackb(state, raw=False, strict_map_key=False)
        if form not in (STATE_FORMAT, WITHOUT_HANDS):
            raise ValueError(f"a snapshot of format {STATE_FORMAT} was expected, {form} came")
        own = self._parts() if form == STATE_FORMAT else self._parts()[:-1]
        for part, kept in zip(own, parts, strict=True):
            part.restore(kept)
        self._is_heir = True

    def _parts(self) -> tuple[Any, ...]:
        return (
            *(self.scene, self._bookings, self._asks, self._evidence, self._streams),
            *(self.passage.books, self.standing, self.steering, self._hands),
        )

    def _tell(self) -> None:
        """Tell what a change of the plan ended, once."""
        self._is_heir = False
        tell(self.scene)
        self.passage.tell()
        self.standing.tell()

    # --- each event where it belongs ----------------------------------------------------------------------------

    def _started(self, event: events.Started) -> None:
        self._asks.gap(event.t, event.gap_ns)
        self.steering.gap(event.t, event.gap_ns)
        self._hands.recover(event.in_flight)
        self._bookings.again()
        self.passage.recover(event.in_flight)
        self._tell()
        self.standing.resume()
        self._tick(event)

    def _tick(self, event: events.Tick | events.Started) -> None:
        self._streams.tick(event.t)
        for expired in self._asks.expire(event.t):
            said: dict[str, object] = {"answer": expired.answer, "by": "", "note": ""}
            fields = said if expired.answer else None
            self._answer(self.find(expired.item), expired.step, event.t, fields, "nobody answered in time")
        self.standing.tick(event.t)
        self.steering.look(event.t)

    def _edge(self, event: events.EdgeSeen) -> None:
        self._belts.edge(event)
        self.passage.edge(event)

    def _position(self, event: events.PositionSeen) -> None:
        self._belts.moved(event)
        self.passage.position(event)

    def _reading(self, event: events.ReadingSeen) -> None:
        fields = self._evidence.judge(event)
        self.scene.readings[event.input] = (event.taken_t, event.health, event.values)
        self._streams.emit(event.input, event.taken_t, fields)
        self.steering.look(event.t)

    def _chosen(self, event: events.RecipeChosen) -> None:
        self._choose(event.recipe)
        self.steering.look(event.t)

    def _choose(self, recipe: str) -> None:
        if self.recipes.choose(recipe):
            self.steering.use_recipe()

    def _message(self, event: events.MessageSeen) -> None:
        if (product := self.recipes.told(event)) is not None:
            self._choose(product)
        if not self.standing.message(event):
            names = [name for name, _ in self.scene.inputs[event.input].fields]
            pairs = zip(names, event.fields, strict=True)
            fields: dict[str, object] = {name: value for name, value in pairs if value is not None}
            self._streams.emit(event.input, event.taken_t, fields)
        self.steering.look(event.t)

    def _frame(self, event: events.FrameSeen) -> None:
        """Match a frame with its item and ask the model; a frame of nobody is dropped and counted.

        A picture that is known to be bad is shown to no model: its answer is unknown at once.
        """
        health, why_bad = self._sight.judge(event)
        begun = self.standing.frame(event)
        for step in self.plan.steps:
            if step.input != event.input:
                continue
            if not step.each:
                self._free_frame(step, event, health, why_bad)
                continue
            item = begun if self.standing.starts_with(event.input) else self.passage.at(step, event.position_mm)
            why = "foreign" if item is None else "duplicate" if step.name in item.seen else ""
            if item is None or why:
                self.scene.counters[f"frames_{why}"] += 1
                self.scene.effects.append(Drop(event.input, event.sequence, why))
                continue
            self.flow.seen(item, step, event.sequence, event.taken_t)
            if health is Health.GOOD:
                self.flow.advance(item)
            else:
                item.called.append(step.name)
                self._bad_frame(step, event, item.id, health, why_bad)
        if begun is not None:
            self.flow.advance(begun)
            self.standing.judge(begun)

    def _free_frame(self, step: StepPlan, event: events.FrameSeen, health: Health, why: str) -> None:
        if step.crop:
            return  # it is shown what another step finds in this frame
        if health is not Health.GOOD:
            self._bad_frame(step, event, None, health, why)
        elif step.name in self._when and self._when[step.name].value(self.scene.look_up)[0] is not True:
            self.scene.effects.append(Drop(event.input, event.sequence, Health.NOT_WANTED.value))
            self._streams.emit(step.name, event.taken_t, None, None, event.sequence)  # not looked at: unknown
            self.steering.look(event.t)
        else:
            self.scene.effects.append(Infer(step.name, event.input, event.sequence, None, event.taken_t))

    def _bad_frame(
        self, step: StepPlan, event: events.FrameSeen, item: ItemId | None, health: Health, why: str
    ) -> None:
        self.scene.effects.append(Drop(event.input, event.sequence, health.value))
        t, bad = event.t, health.value
        self._result(
            events.ResultSeen(t, step.name, event.sequence, item, event.taken_t, t, bad, "", 0.0, why, "", 0, 0)
        )

    def _result(self, event: events.ResultSeen) -> None:
        step = self._steps[event.step]
        fields, why = self._answers.read(step, event)
        item = self.find(event.item) if event.item is not None else None
        if item is None or (item.verdict and not self._stands(item)):
            self.scene.counters["results_after_verdict"] += item is not None
            self._streams.emit(step.name, event.taken_t, fields, event.item, event.sequence)
        else:
            item.picture_digest = event.picture_digest
            item.why = why
            self._answer(item, step.name, event.taken_t, fields, why, event.sequence)
        self.steering.look(event.t)

    def _record(self, event: events.RecordSeen) -> None:
        fields: dict[str, object] | None = None
        if event.health == Health.GOOD:
            names = [name for name, _ in self.scene.inputs[self._lookup_input(event.step)].fields]
            known = {name: value for name, value in zip(names, event.fields, strict=True) if value is not None}
            fields = {**known, "found": event.found}
        self.scene.counters["lookups" if fields else f"lookups_{event.health}"] += 1
        self._answer(self.find(event.item), event.step, event.taken_t, fields, event.why)
        self.steering.look(event.t)

    def _answered(self, event: events.Answered) -> None:
        if not self._asks.end(event.step, event.item, "answered", event.answer, event.by, event.note):
            self.scene.counters["answers_too_late"] += 1
            return
        fields: dict[str, object] = {"answer": event.answer, "by": event.by, "note": event.note}
        self._answer(self.find(event.item), event.step, event.t, fields, "")
        self.steering.look(event.t)

    def _settled(self, event: events.ActSettled) -> None:
        if self._bookings.settled(event.cause, event.output, event.index, event.kind) or self._hands.settled(event):
            return
        self.passage.settled(event)

    def _device(self, event: events.DeviceChanged) -> None:
        if event.up:
            self.passage.reconnected()
            self.scene.effects += [Set(setpoint) for setpoint in self.scene.setpoints_in_force()]

    # --- answers ------------------------------------------------------------------------------------------------

    def _answer(
        self, item: Item | None, step: str, taken_t: int, fields: dict[str, object] | None, why: str, frame: int = 0
    ) -> None:
        """Give an item the answer of one of its steps, and let its rules see it."""
        if item is None:
            return  # it was decided without
        self.flow.answer(item, step, taken_t, fields, why, frame)
        if self._stands(item):
            if self.standing.find(item.id) is not None:
                self.standing.judge(item)
        elif not item.verdict:
            self.passage.judge(item)

    def _joined(self, step: JoinStep, joined: Joined) -> None:
        if joined.item is not None:
            self._answer(self.find(joined.item), step.name, joined.taken_t, joined.fields, joined.why)

    def _stands(self, item: Item) -> bool:
        return item.id.kind in self.standing.desks

    def _lookup_input(self, step: str) -> str:
        return str(getattr(self.flow.steps[step], "input", ""))
