"""The items under way: from the edge that starts one to the place where its way is known.

Matching is by belt position, never by order: a lost, late or foreign frame makes its own item undecided and touches
no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ripieno.plan import ItemPlan
from ripieno.values import UNKNOWN, ItemId, Unknown

MAX_OPEN = 4096  # items between start and end of the belt; more means that nothing closes them


@dataclass(slots=True)
class Item:
    """One item under way.

    `results`: step -> its fields, or UNKNOWN; `called`: steps whose model was asked; `verdict`: "" until decided;
    `act`: "" none, "open", or a `values.OutcomeKind`; `why`: of the last thing that went wrong with it.
    """

    id: ItemId
    start_mm: float
    started_t: int
    results: dict[str, dict[str, object] | Unknown] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    verdict: str = ""
    act: str = ""
    why: str = ""
    picture_digest: str = ""

    def operand(self, step: str, name: str) -> object:
        """Return a field of a step's result, UNKNOWN where there is none."""
        result = self.results.get(step, UNKNOWN)
        return UNKNOWN if isinstance(result, Unknown) else result.get(name, UNKNOWN)

    def plain(self) -> list[Any]:
        """Return what a snapshot keeps."""
        results = {step: None if isinstance(r, Unknown) else r for step, r in self.results.items()}
        return [
            *(self.id.epoch, self.id.number, self.start_mm, self.started_t, results, self.called),
            *(self.verdict, self.act, self.why, self.picture_digest),
        ]


class ItemBook:
    """All open items of one kind, in the order in which they started."""

    def __init__(self, plan: ItemPlan) -> None:
        self.plan = plan
        self.places = dict(plan.places)
        self.epoch: int | None = None
        self.last_number = 0
        self._ahead: set[int] = set()  # known from an intent before their edge was counted
        self._open: dict[int, Item] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Item]:
        return iter(list(self._open.values()))

    def begin(self, number: int, start_mm: float, t: int) -> Item:
        """Open an item. Numbers rise; the caller has dealt with those that were skipped."""
        assert self.epoch is not None
        item = Item(ItemId(self.plan.name, self.epoch, number), start_mm, t)
        self._open[number] = item
        if number > self.last_number:
            self._ahead.add(number)
        return item

    def count(self, number: int) -> bool:
        """Count the starting edge of `number`; return whether an item must be begun for it (False: it is known
        already).
        """
        self.last_number = number
        if number in self._ahead:
            self._ahead.discard(number)
            return False
        return True

    def knows(self, number: int) -> bool:
        """Whether this number has been begun under the present epoch, be it open or gone."""
        return number <= self.last_number or number in self._ahead

    def find(self, item_id: ItemId) -> Item | None:
        """Return the open item with this identity."""
        if item_id.epoch != self.epoch:
            return None
        return self._open.get(item_id.number)

    def close(self, item: Item) -> None:
        """Forget an item whose way is known."""
        self._open.pop(item.id.number, None)

    def change_epoch(self, epoch: int, last_number: int) -> list[Item]:
        """Begin a new epoch of numbers; return the items of the old one that were still open (they are forgotten)."""
        left = list(self._open.values())
        self._open.clear()
        self._ahead.clear()
        self.epoch, self.last_number = epoch, last_number
        return left

    def at_place(self, place: str, position_mm: float, within_mm: float) -> Item | None:
        """Return the item that is nearest to `place` when the belt stands at `position_mm`, if it is within
        `within_mm`.
        """
        wanted = position_mm - self.places[place]
        best, best_off = None, within_mm
        for item in self._open.values():
            off = abs(item.start_mm - wanted)
            if off <= best_off:
                best, best_off = item, off
        return best

    def state(self) -> dict[str, Any]:
        """Return what a snapshot keeps."""
        items = [item.plain() for item in self._open.values()]
        return {"epoch": self.epoch, "last": self.last_number, "ahead": sorted(self._ahead), "items": items}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.epoch, self.last_number, self._ahead = state["epoch"], state["last"], set(state["ahead"])
        self._open.clear()
        for epoch, number, start_mm, started_t, results, called, verdict, act, why, picture in state["items"]:
            self._open[number] = Item(
                ItemId(self.plan.name, epoch, number),
                start_mm,
                started_t,
                {step: UNKNOWN if fields is None else dict(fields) for step, fields in results.items()},
                list(called),
                verdict,
                act,
                why,
                picture,
            )
