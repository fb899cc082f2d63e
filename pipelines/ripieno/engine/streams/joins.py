"""Values of several streams that belong together.

A base value waits, at most `wait_ns`, for what may still be nearer to it; memory is bounded: the last RECENT values of
each stream, and as many waiting bases.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ripieno.plan import JoinStep
from ripieno.values import ItemId

RECENT = 64

Fields = dict[str, object]


@dataclass(frozen=True, slots=True)
class Joined:
    """One answer of a join: `fields` is None where a partner is missing, and `why` says which."""

    item: ItemId | None
    taken_t: int
    fields: Fields | None
    why: str


class Join:
    """One join step."""

    def __init__(self, step: JoinStep) -> None:
        self.step = step
        self._recent: dict[str, deque[tuple[int, Fields | None]]] = {
            name: deque(maxlen=RECENT) for name in (step.base, *step.others)
        }
        self._waiting: deque[tuple[int, int, ItemId | None, Fields | None]] = deque()  # due, taken, item, fields

    def feed(self, source: str, t: int, taken_t: int, fields: Fields | None, item: ItemId | None) -> Iterator[Joined]:
        """Take a value of a stream; yield what is complete now."""
        step = self.step
        if source not in self._recent:
            return
        if source != step.base or step.policy == "all_of":
            self._recent[source].append((taken_t, fields))
        if step.policy == "all_of":
            yield from self._all_of(taken_t)
            return
        if source == step.base:
            wait_ns = step.wait_ns if step.policy == "nearest" else 0
            if len(self._waiting) >= RECENT:
                yield self._settle(*self._waiting.popleft()[1:])
            self._waiting.append((t + wait_ns, taken_t, item, fields))
        yield from self.due(t)

    def due(self, t: int) -> Iterator[Joined]:
        """Yield for each base that need not wait any more: its time is over, or nothing nearer can come."""
        while self._waiting and (self._waiting[0][0] <= t or self._is_settled(self._waiting[0][1])):
            yield self._settle(*self._waiting.popleft()[1:])

    def deadline(self) -> int | None:
        """Return when the next waiting base is given up."""
        return self._waiting[0][0] if self._waiting else None

    def state(self) -> list[Any]:
        """Return what a snapshot keeps."""
        recent = {name: [list(one) for one in values] for name, values in self._recent.items()}
        return [recent, [[due, taken, item and list(item), fields] for due, taken, item, fields in self._waiting]]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned."""
        recent, waiting = state
        for name, values in recent.items():
            self._recent[name] = deque(((t, fields) for t, fields in values), maxlen=RECENT)
        self._waiting = deque((due, t, ItemId(*item) if item else None, fields) for due, t, item, fields in waiting)

    def _is_settled(self, taken_t: int) -> bool:
        """Whether each partner has a value that is not older than the base: a later one is not nearer than that."""
        return self.step.policy == "latest" or all(
            self._recent[name] and self._recent[name][-1][0] >= taken_t for name in self.step.others
        )

    def _settle(self, taken_t: int, item: ItemId | None, fields: Fields | None) -> Joined:
        chosen: dict[str, Fields | None] = {self.step.base: fields}
        for name in self.step.others:
            partner = self._partner(name, taken_t)
            if partner is None:
                return Joined(item, taken_t, None, f"{name} has no value within {self.step.within_ns / 1e6:g} ms")
            chosen[name] = partner[1]
        return Joined(item, taken_t, self._fields(chosen), "")

    def _partner(self, name: str, taken_t: int) -> tuple[int, Fields | None] | None:
        within = self.step.within_ns
        if self.step.policy == "latest":
            fit = [one for one in self._recent[name] if taken_t - within <= one[0] <= taken_t]
            return fit[-1] if fit else None
        fit = [one for one in self._recent[name] if abs(one[0] - taken_t) <= within]
        return min(fit, key=lambda one: (abs(one[0] - taken_t), one[0]), default=None)

    def _all_of(self, taken_t: int) -> Iterator[Joined]:
        """One new value of each stream, all within `within_ns`: each value is used once, older ones are let go."""
        for values in self._recent.values():
            while values and values[0][0] < taken_t - self.step.within_ns:
                values.popleft()
        if all(self._recent.values()):
            heads = {name: values.popleft() for name, values in self._recent.items()}
            newest = max(t for t, _ in heads.values())
            yield Joined(None, newest, self._fields({name: fields for name, (_, fields) in heads.items()}), "")

    def _fields(self, chosen: dict[str, Fields | None]) -> Fields:
        """Return the joined fields; one is absent where its source does not know it."""
        joined: Fields = {}
        for name, operand in self.step.fields:
            known = chosen[operand.name] or {}
            if operand.field in known:
                joined[name] = known[operand.field]
        return joined
