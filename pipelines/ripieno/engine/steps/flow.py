"""The steps of one item: each begins when all that it needs is answered, and is answered once.

`advance` begins what can begin. Steps that are answered at once (`computing.py`) are answered there; the others want an
effect, and their answer comes as an event. Every answer is a value of a stream too: aggregates over items see it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Union

from ripieno.plan import (
    AggregateRef,
    AgreeStep,
    AskStep,
    FindStep,
    FlowStep,
    JoinStep,
    LookupStep,
    MapStep,
    Operand,
    PipelinePlan,
    RouteStep,
    StepPlan,
)
from ripieno.values import UNKNOWN, Health

from ..condition import Condition
from ..effects import Ask, Infer, Keep, Look, Release
from ..items import Item
from ..scene import Scene
from ..streams.streams import Streams, given
from .asks import Asks
from .boxes import box_of
from .computing import computed

AnyStep = Union[StepPlan, FlowStep]
Fields = dict[str, object]
LookUp = Callable[[Operand | AggregateRef], object]


class Flow:
    """The steps of all kinds of items."""

    def __init__(self, plan: PipelinePlan, scene: Scene, streams: Streams, asks: Asks) -> None:
        self._scene, self._streams, self._asks = scene, streams, asks
        self.steps: dict[str, AnyStep] = {step.name: step for step in _ordered(plan) if step.each}
        self._of = {item.name: [s for s in self.steps.values() if s.each == item.name] for item in plan.items}
        self._when = {name: Condition(step.when) for name, step in self.steps.items() if step.when is not None}
        self._begin = {name: self._beginning(step) for name, step in self.steps.items()}

    def names(self, kind: str) -> list[str]:
        """Return the steps of a kind of item."""
        return [step.name for step in self._of[kind]]

    def look_up(self, item: Item) -> LookUp:
        """Return what operands are for this item: its own answers, and the streams'."""

        def look_up(read: Operand | AggregateRef) -> object:
            if isinstance(read, Operand) and (read.name in item.results or read.name in self.steps):
                return item.operand(read.name, read.field)
            return self._scene.look_up(read)

        return look_up

    def answer(self, item: Item, step: str, taken_t: int, fields: Fields | None, why: str = "", frame: int = 0) -> None:
        """Take a step's answer (None: unknown, and why), and begin what waited for it. A second answer is none."""
        if step in item.results:
            return
        self._take(item, step, taken_t, fields, why, frame)
        self.advance(item)

    def advance(self, item: Item) -> None:
        """Begin every step that can begin now."""
        for step in self._of[item.id.kind]:
            if step.name in item.results or step.name in item.called:
                continue
            if all(need in item.results for need in step.needs) and self._is_shown(step, item):
                self._start(step, item)
        self._hold(item)

    def seen(self, item: Item, step: StepPlan, sequence: int, taken_t: int) -> None:
        """The frame of this step is there."""
        item.seen[step.name] = (sequence, taken_t)

    def release(self, item: Item) -> None:
        """Let go of the item's frames and questions: it is over."""
        for input_name, sequence in item.held.items():
            self._scene.effects.append(Release(input_name, sequence))
        item.held.clear()

    def resume(self, item: Item) -> None:
        """Take back what a process that ended had begun, so that `advance` begins it again; frames are gone, and may
        come again.
        """
        item.seen = {name: seen for name, seen in item.seen.items() if name in item.results}
        item.held.clear()
        asked = {ask.step for ask in self._asks if ask.item == item.id}
        item.called = [name for name in item.called if name in item.results or name in asked]

    # --- inside -------------------------------------------------------------------------------------------------

    def _take(self, item: Item, step: str, taken_t: int, fields: Fields | None, why: str, frame: int) -> None:
        item.results[step] = UNKNOWN if fields is None else fields
        item.taken[step] = taken_t
        if fields is None:
            item.doubts[step] = why
        self._streams.emit(step, taken_t, fields, item.id, frame)

    def _is_shown(self, step: AnyStep, item: Item) -> bool:
        """Whether a step that looks at pictures has its frame, and a join is not begun by its item."""
        if isinstance(step, StepPlan) and step.input:
            return step.name in item.seen
        return not isinstance(step, JoinStep)

    def _start(self, step: AnyStep, item: Item) -> None:
        if step.name in self._when:
            wanted, _ = self._when[step.name].value(self.look_up(item))
            if wanted is not True:
                why = f"{Health.NOT_WANTED}: its 'when' is {'false' if wanted is False else 'unknown'}"
                self._take(item, step.name, self._scene.t, None, why, 0)
                return
        item.called.append(step.name)
        self._begin[step.name](item)

    def _hold(self, item: Item) -> None:
        """Keep the frames of steps that wait for something else, release those that no step waits for any more."""
        waiting = {}
        for name, (sequence, _) in item.seen.items():
            step = self.steps[name]
            if isinstance(step, StepPlan) and name not in item.results and name not in item.called:
                waiting[step.input] = sequence
        for input_name, sequence in waiting.items():
            if item.held.get(input_name) != sequence:
                item.held[input_name] = sequence
                self._scene.effects.append(Keep(input_name, sequence))
        for input_name in [one for one in item.held if one not in waiting]:
            self._scene.effects.append(Release(input_name, item.held.pop(input_name)))

    def _beginning(self, step: AnyStep) -> Callable[[Item], None]:
        match step:
            case StepPlan() if step.input:
                return self._infers_picture(step)
            case StepPlan():
                return self._infers_values(step)
            case MapStep() | FindStep() | RouteStep() | AgreeStep():
                return self._computes(step)
            case LookupStep():
                return self._looks(step)
            case AskStep():
                return self._asks_person(step)
            case _:
                return lambda item: None  # a join: its streams answer it

    def _infers_picture(self, step: StepPlan) -> Callable[[Item], None]:
        def begin(item: Item) -> None:
            sequence, taken_t = item.seen[step.name]
            box = None
            if step.crop:
                fields = item.results[step.crop]
                box = box_of(fields if isinstance(fields, dict) else None, step.margin)
                if box is None:
                    self._take(item, step.name, taken_t, None, f"{step.crop} found nothing to look at closer", sequence)
                    return
            self._scene.effects.append(Infer(step.name, step.input, sequence, item.id, taken_t, None, box))

        return begin

    def _infers_values(self, step: StepPlan) -> Callable[[Item], None]:
        of = [Condition(tree) for tree in step.of]

        def begin(item: Item) -> None:
            values = [condition.value(self.look_up(item))[0] for condition in of]
            if UNKNOWN in values:
                self._take(item, step.name, self._scene.t, None, "a value that the model needs is unknown", 0)
                return
            t = self._scene.t
            self._scene.effects.append(Infer(step.name, "", self._scene.events, item.id, t, given(values)))

        return begin

    def _computes(self, step: MapStep | FindStep | RouteStep | AgreeStep) -> Callable[[Item], None]:
        answer = computed(step)

        def begin(item: Item) -> None:
            fields, why = answer(self.look_up(item))
            self._take(item, step.name, self._scene.t, fields, why, 0)

        return begin

    def _looks(self, step: LookupStep) -> Callable[[Item], None]:
        key_of = Condition(step.key)

        def begin(item: Item) -> None:
            key, _ = key_of.value(self.look_up(item))
            if not isinstance(key, (str, float)) or isinstance(key, bool):
                self._take(item, step.name, self._scene.t, None, "the key to look under is unknown", 0)
                return
            self._scene.effects.append(Look(step.name, item.id, step.input, key, step.deadline_ns, step.cache_ns))

        return begin

    def _asks_person(self, step: AskStep) -> Callable[[Item], None]:
        show = [(name, Condition(tree)) for name, tree in step.show]

        def begin(item: Item) -> None:
            values = [(name, tree.value(self.look_up(item))[0]) for name, tree in show]
            shown = tuple((name, None if value is UNKNOWN else value) for name, value in values)
            due_t = self._scene.t + step.within_ns
            self._asks.ask(Ask(step.name, item.id, step.role, step.question, step.answers, shown, due_t))

        return begin


def _ordered(plan: PipelinePlan) -> list[AnyStep]:
    """Return all steps, each behind those that it needs, else in the order of the plan."""
    left: list[AnyStep] = [*plan.steps, *plan.flow]
    names = {step.name for step in left}
    done: dict[str, AnyStep] = {}
    while left:
        ready = [step for step in left if all(need in done or need not in names for need in step.needs)]
        if not ready:
            raise ValueError(f"steps wait for one another: {', '.join(step.name for step in left)}")
        for step in ready:
            done[step.name] = step
        left = [step for step in left if step.name not in done]
    return list(done.values())
