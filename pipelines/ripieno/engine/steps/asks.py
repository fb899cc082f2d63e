"""Questions to people that are open, over restarts and power cuts; each ends answered, expired or moot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ripieno.plan import AskStep, PipelinePlan
from ripieno.values import ItemId

from ..effects import Ask, AskEnded
from ..scene import Scene

if TYPE_CHECKING:
    from ..handover import Handover


@dataclass(frozen=True, slots=True)
class Expired:
    """Nobody answered in time: `answer` is the one that the file gives for that, "" where it gives none."""

    step: str
    item: ItemId
    answer: str


class Asks:
    """All open questions, in the order in which they were asked."""

    def __init__(self, plan: PipelinePlan, scene: Scene) -> None:
        self._scene = scene
        self._steps = {step.name: step for step in plan.flow if isinstance(step, AskStep)}
        self._open: dict[tuple[str, ItemId], Ask] = {}

    def __iter__(self) -> Any:
        return iter(list(self._open.values()))

    def ask(self, ask: Ask) -> None:
        """Open a question."""
        self._open[ask.step, ask.item] = ask
        self._scene.counters["asks"] += 1
        self._scene.effects.append(ask)

    def end(self, step: str, item: ItemId, why: str, answer: str = "", by: str = "", note: str = "") -> bool:
        """Close a question; False where it is not open."""
        if self._open.pop((step, item), None) is None:
            return False
        self._scene.counters[f"asks_{why}"] += 1
        self._scene.effects.append(AskEnded(step, item, why, answer, by, note))
        return True

    def expire(self, t: int) -> list[Expired]:
        """Close those whose time is over."""
        late = [ask for ask in self._open.values() if ask.due_t <= t]
        expired = [Expired(ask.step, ask.item, self._steps[ask.step].no_answer) for ask in late]
        for one in expired:
            self.end(one.step, one.item, "expired", one.answer)
        return expired

    def deadline(self) -> int | None:
        """Return when the next question expires."""
        return min((ask.due_t for ask in self._open.values()), default=None)

    def gap(self, t: int, gap_ns: int) -> None:
        """Deal with a time in which no process ran and nobody could answer, as each step's `after_gap` says."""
        for key, ask in self._open.items():
            step = self._steps[ask.step]
            if gap_ns > 0 and step.after_gap != "fire_if_elapsed":
                due_t = t + step.within_ns if step.after_gap == "start_over" else ask.due_t + gap_ns
                self._open[key] = replace(ask, due_t=due_t)

    def take_over(self, before: Asks, by: Handover) -> None:
        """Keep the questions that this plan asks in the same way, of items that go on; the others are moot."""
        for key, ask in before._open.items():
            if ask.item in by.goes_on and ask.step in by.same.steps:
                self._open[key] = ask
            else:
                by.news.append(["moot", ask.step, [*ask.item]])

    def state(self) -> list[Any]:
        """Return what a snapshot keeps."""
        return [
            [a.step, list(a.item), a.role, a.question, list(a.answers), [list(one) for one in a.show], a.due_t]
            for a in self._open.values()
        ]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned."""
        self._open = {}
        for step, item, role, question, answers, show, due_t in state:
            shown = tuple((name, value) for name, value in show)
            ask = Ask(step, ItemId(*item), role, question, tuple(answers), shown, due_t)
            self._open[step, ask.item] = ask
