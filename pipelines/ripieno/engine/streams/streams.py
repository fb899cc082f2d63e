"""Values on their way through the steps that belong to no item.

`emit` is called with each new value of an input or a step; what follows from it is emitted in turn, in the order of
the plan, which has each step after those it needs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ripieno.plan import (
    AgreeStep,
    Expression,
    FindStep,
    JoinStep,
    MapStep,
    Operand,
    PipelinePlan,
    RouteStep,
    StepPlan,
    WindowStep,
)
from ripieno.values import UNKNOWN, ItemId

from ..condition import Condition
from ..effects import Infer
from ..scene import Scene
from ..steering import Steering
from ..steps.boxes import box_of
from ..steps.computing import computed
from .joins import Join, Joined
from .windows import Window

if TYPE_CHECKING:
    from ..handover import Handover

Fields = dict[str, object]
Value = tuple[str, int, "Fields | None", "ItemId | None", int]  # source, taken, fields, item, sequence of its frame


class Streams:
    """All streams of a pipeline.

    Args:
        joined: takes what a join made for an item.
    """

    def __init__(
        self, plan: PipelinePlan, scene: Scene, steering: Steering, joined: Callable[[JoinStep, Joined], None]
    ) -> None:
        self._scene, self._steering, self._joined = scene, steering, joined
        self._windows: dict[str, list[Window]] = {}
        self._joins = [Join(step) for step in plan.flow if isinstance(step, JoinStep)]
        self._next: dict[str, list[Callable[[Value], Value | None]]] = {}
        for step in plan.flow:
            if isinstance(step, WindowStep):
                self._windows.setdefault(step.input, []).append(Window(step, scene.inputs[step.input]))
            elif isinstance(step, (MapStep, AgreeStep, FindStep, RouteStep)) and not step.each:
                self._derive(step)
        for model in plan.steps:
            if not model.each:
                self._chain(model)

    def emit(
        self, source: str, taken_t: int, fields: Fields | None, item: ItemId | None = None, frame: int = 0
    ) -> None:
        """Take a new value of an input or a step (None: it is unknown), and let what needs it follow.

        Args:
            item: of which it is an answer, None of a stream's.
            frame: sequence of the frame that it was seen in.
        """
        waiting: deque[Value] = deque([(source, taken_t, fields, item, frame)])
        while waiting:
            value = waiting.popleft()
            name, taken_t, fields, item, _ = value
            if name not in self._scene.derived:
                self._scene.latest[name] = (taken_t, fields)
            self._steering.sample(name, fields)
            for window in self._windows.get(name, ()):
                if window.add(taken_t, fields):
                    waiting.append((window.step.name, taken_t, window.features(), None, 0))
            for join in self._joins:
                for one in join.feed(name, self._scene.t, taken_t, fields, item):
                    waiting += self._join(join.step, one)
            for follow in self._next.get(name, ()):
                following = follow(value)
                waiting += [following] if following is not None else []

    def tick(self, t: int) -> None:
        """Give up what waited in a join until `t`."""
        for join in self._joins:
            for one in list(join.due(t)):
                for value in self._join(join.step, one):
                    self.emit(*value)

    def deadline(self) -> int | None:
        """Return when `tick` is due."""
        return min((due for join in self._joins if (due := join.deadline()) is not None), default=None)

    def state(self) -> list[Any]:
        """Return what a snapshot keeps."""
        windows = {w.step.name: w.state() for windows in self._windows.values() for w in windows}
        return [windows, {join.step.name: join.state() for join in self._joins}]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned."""
        windows, joins = state
        for window in (w for windows in self._windows.values() for w in windows):
            window.restore(windows[window.step.name])
        for join in self._joins:
            join.restore(joins[join.step.name])

    def take_over(self, before: Streams, by: Handover) -> None:
        """Go on with windows and joins that are the same."""
        windows, joins = before.state()
        for window in (w for windows in self._windows.values() for w in windows):
            if window.step.name in by.same.steps:
                window.restore(windows[window.step.name])
        for join in self._joins:
            if join.step.name in by.same.steps:
                join.restore(joins[join.step.name])

    def _join(self, step: JoinStep, one: Joined) -> list[Value]:
        if step.each:
            self._joined(step, one)
            return []
        return [(step.name, one.taken_t, one.fields, None, 0)]

    def _derive(self, step: MapStep | AgreeStep | FindStep | RouteStep) -> None:
        answer = computed(step)
        self._scene.derived[step.name] = lambda: answer(self._scene.look_up)[0]

        def follow(value: Value) -> Value:
            return step.name, value[1], self._scene.derived[step.name](), None, 0

        reads = [read for tree in _trees(step) for read in Condition(tree).reads]
        self._scene.derived_from[step.name] = tuple(read for read in reads if isinstance(read, Operand))
        self._follow(reads, follow)

    def _chain(self, step: StepPlan) -> None:
        """Ask a model of values whenever one of them is new; a model of a part of a picture when the part is known."""
        of = [Condition(tree) for tree in step.of]
        when = None if step.when is None else Condition(step.when)

        def follow(value: Value) -> Value | None:
            _, taken_t, fields, _, frame = value
            scene = self._scene
            if when is not None and when.value(scene.look_up)[0] is not True:
                return step.name, taken_t, None, None, 0
            if step.crop:
                box = box_of(fields, step.margin)
                if box is None:
                    return step.name, taken_t, None, None, 0
                scene.effects.append(Infer(step.name, step.input, frame, None, taken_t, None, box))
                return None
            values = [condition.value(scene.look_up)[0] for condition in of]
            if UNKNOWN in values:
                return step.name, taken_t, None, None, 0
            scene.effects.append(Infer(step.name, "", scene.events, None, taken_t, given(values)))
            return None

        if step.crop:
            self._next.setdefault(step.crop, []).append(follow)
        elif of:
            self._follow([read for condition in of for read in condition.reads], follow)

    def _follow(self, reads: Any, follow: Callable[[Value], Value | None]) -> None:
        for name in dict.fromkeys(read.name for read in reads if isinstance(read, Operand)):
            self._next.setdefault(name, []).append(follow)


def _trees(step: MapStep | AgreeStep | FindStep | RouteStep) -> list[Expression]:
    match step:
        case MapStep():
            return [tree for _, tree in step.fields]
        case RouteStep():
            return [tree for _, tree in step.branches]
        case AgreeStep():
            return list(step.of)
        case FindStep():
            return [step.text]


def given(values: list[object]) -> str | tuple[float, ...]:
    """Return what a model of values is given: one text, or numbers (a truth value is 1 or 0)."""
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return tuple(float(value) for value in values)  # type: ignore[arg-type]
