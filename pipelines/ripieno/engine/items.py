"""The items under way: from what starts one to where its way is known.

An item that moves is matched with frames by belt position, never by order: a lost, late or foreign frame makes its
own item undecided and touches no other. One that stands is found by its own number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ripieno.plan import ItemPlan
from ripieno.values import UNKNOWN, ItemId, Unknown

MAX_OPEN = 4096  # items under way of one kind; more means that nothing closes them


@dataclass(slots=True)
class Item:
    """One item under way.

    Attributes:
        start_mm: belt position at its start, 0 for one that stands.
        due_t: when one that stands must be decided, 0 for one that moves.
        key: what its sender calls it.
        results: step, or the input that started it, -> its fields, or UNKNOWN once that is the answer.
        doubts: step -> why its answer is unknown; `taken`: step or input -> when its answer was taken.
        called: steps that were begun; `seen`: step -> (sequence, time) of its frame.
        held: input -> sequence of the frame that is kept for a step that cannot begin yet.
        fired: rules that acted on it.
        verdict: "" until decided; `act`: "" none, "open", a `values.OutcomeKind`, or "withheld: " and how.
        why: of the last thing that went wrong with it.
        recipe: under which it began.
        spent: acts (output/index) that rules of an earlier plan have booked for it.
    """

    id: ItemId
    start_mm: float
    started_t: int
    due_t: int = 0
    key: str = ""
    results: dict[str, dict[str, object] | Unknown] = field(default_factory=dict)
    doubts: dict[str, str] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    called: list[str] = field(default_factory=list)
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    fired: list[str] = field(default_factory=list)
    verdict: str = ""
    act: str = ""
    why: str = ""
    picture_digest: str = ""
    spent: list[str] = field(default_factory=list)
    recipe: str = ""

    def operand(self, step: str, name: str) -> object:
        """Return a field of a step's answer, UNKNOWN where there is none."""
        result = self.results.get(step, UNKNOWN)
        return UNKNOWN if isinstance(result, Unknown) else result.get(name, UNKNOWN)

    def plain(self) -> list[Any]:
        """Return what a snapshot keeps."""
        results = {step: None if isinstance(r, Unknown) else r for step, r in self.results.items()}
        return [
            *(self.id.epoch, self.id.number, self.start_mm, self.started_t, self.due_t, self.key),
            *(results, self.doubts, self.taken, self.called, self.seen, self.held, self.fired),
            *(self.verdict, self.act, self.why, self.picture_digest, self.spent, self.recipe),
        ]

    @classmethod
    def from_plain(cls, kind: str, plain: list[Any]) -> Item:
        """Return the item of which `plain` was kept."""
        epoch, number, start_mm, started_t, due_t, key, results, doubts, taken, called, seen, held, fired, *rest = plain
        return cls(
            ItemId(kind, epoch, number),
            *(start_mm, started_t, due_t, key),
            {step: UNKNOWN if fields is None else dict(fields) for step, fields in results.items()},
            dict(doubts),
            dict(taken),
            list(called),
            {step: (sequence, taken_t) for step, (sequence, taken_t) in seen.items()},
            dict(held),
            list(fired),
            *rest,
        )


class ItemBook:
    """All open items of one kind that moves, in the order in which they started."""

    def __init__(self, plan: ItemPlan) -> None:
        self.plan = plan
        self.places = dict(plan.places)
        self.epoch: int | None = None
        self.last_number = 0
        self.position_mm: float | None = None  # where the belt was last
        self.is_in_doubt = False  # a device has come back since: the belt's count may have begun anew
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

    def keep(self, item: Item) -> None:
        """Take an item that a book of another plan had open."""
        self._open[item.id.number] = item

    def count_on(self, before: ItemBook, on_the_same_belt: bool) -> None:
        """Go on with the count of another plan's book: what it has counted is not begun again."""
        self.epoch, self.last_number, self._ahead = before.epoch, before.last_number, set(before._ahead)
        if on_the_same_belt:
            self.position_mm, self.is_in_doubt = before.position_mm, before.is_in_doubt

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
        belt = [self.position_mm, self.is_in_doubt]
        return {
            "epoch": self.epoch,
            "last": self.last_number,
            "ahead": sorted(self._ahead),
            "items": items,
            "belt": belt,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.epoch, self.last_number, self._ahead = state["epoch"], state["last"], set(state["ahead"])
        self.position_mm, self.is_in_doubt = state.get("belt", (None, True))
        items = [Item.from_plain(self.plan.name, plain) for plain in state["items"]]
        self._open = {item.id.number: item for item in items}


class Desk:
    """All open items of one kind that stands, in the order in which they started, and the keys of the last ones.

    A key that comes again while it is remembered is the same item told twice.
    """

    def __init__(self, plan: ItemPlan) -> None:
        self.plan = plan
        self._open: dict[tuple[int, int], Item] = {}
        self._keys: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Item]:
        return iter(list(self._open.values()))

    def knows(self, key: str) -> bool:
        """Whether an item of this key is among the last MAX_OPEN * 4 that were begun."""
        return key in self._keys

    def begin(self, epoch: int, number: int, key: str, t: int) -> Item:
        """Open an item."""
        item = Item(ItemId(self.plan.name, epoch, number), 0.0, t, t + self.plan.within_ns, key)
        self._open[epoch, number] = item
        self._keys[key] = None
        if len(self._keys) > MAX_OPEN * 4:
            del self._keys[next(iter(self._keys))]
        return item

    def find(self, item_id: ItemId) -> Item | None:
        """Return the open item with this identity."""
        return self._open.get((item_id.epoch, item_id.number))

    def close(self, item: Item) -> None:
        """Forget an item that is done with."""
        self._open.pop((item.id.epoch, item.id.number), None)

    def keep(self, item: Item) -> None:
        """Take an item that a desk of another plan had open."""
        self._open[item.id.epoch, item.id.number] = item

    def remember(self, before: Desk) -> None:
        """Know the keys that another plan's desk knew."""
        self._keys = dict(before._keys)

    def state(self) -> dict[str, Any]:
        """Return what a snapshot keeps."""
        return {"keys": list(self._keys), "items": [item.plain() for item in self._open.values()]}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self._keys = dict.fromkeys(state["keys"])
        items = [Item.from_plain(self.plan.name, plain) for plain in state["items"]]
        self._open = {(item.id.epoch, item.id.number): item for item in items}


def item_of(cause: str) -> ItemId | None:
    """Return the item whose identity this is, None for what is none: a rule over time may be an act's cause too."""
    rest, _, number = cause.rpartition("-")
    kind, _, epoch = rest.rpartition("-")  # of several pipelines the kind has its own's name, which may hold hyphens
    try:
        return ItemId(kind, int(epoch, 16), int(number)) if kind else None
    except ValueError:
        return None
