"""All items that move: those of each kind in its book, and those that a plan which is gone has left behind.

book    of a kind of this plan
stray   decided by an earlier plan, of a kind that this one does not know: its act is under way
ended   given up at a change of the plan, to be told with the next event
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ripieno.plan import PipelinePlan
from ripieno.values import ItemId

from .handover import Handover
from .items import Item, ItemBook


class Books:
    """The open items that move.

    Attributes:
        by_start, by_position: the book of an input.
        gates: outputs whose acts let items through, of this plan and of earlier ones.
        former: kinds of earlier plans whose count goes on under another name.
    """

    def __init__(self, plan: PipelinePlan) -> None:
        moving = [item for item in plan.items if not item.stands]
        self._books = {item.name: ItemBook(item) for item in moving}
        self.by_start = {item.starts.split(".")[0]: self._books[item.name] for item in moving}
        self.by_position = {item.follows: self._books[item.name] for item in moving}
        self.gates = sorted({item.decide_before for item in moving})
        self.former: dict[str, str] = {}
        self.strays: dict[ItemId, Item] = {}
        self.ended: list[tuple[Item, str]] = []

    def __iter__(self) -> Iterator[ItemBook]:
        return iter(self._books.values())

    def __contains__(self, kind: str) -> bool:
        return kind in self._books

    def __getitem__(self, kind: str) -> ItemBook:
        return self._books[kind]

    def home(self, kind: str) -> ItemBook | None:
        """Return the book in which items of this kind are counted now."""
        return self._books.get(self.former.get(kind, kind))

    def items(self) -> list[Item]:
        """Return all that are under way, but for those that have ended."""
        return [*(item for book in self for item in book), *self.strays.values()]

    def undecided(self) -> int:
        """Return how many have no verdict yet."""
        return sum(1 for item in (*self.items(), *(item for item, _ in self.ended)) if not item.verdict)

    def find(self, item_id: ItemId) -> Item | None:
        """Return the open item with this identity."""
        book = self._books.get(item_id.kind)
        return self.strays.get(item_id) if book is None else book.find(item_id) or self.strays.get(item_id)

    def begin(self, book: ItemBook, item_id: ItemId, start_mm: float, t: int) -> Item:
        """Open an item that is known from an intent, under the name that it had then."""
        item = book.begin(item_id.number, start_mm, t)
        if item_id.kind != book.plan.name:
            book.close(item)
            item = self.strays[item_id] = Item(item_id, start_mm, t)
        return item

    def close(self, item: Item) -> None:
        """Forget an item whose way is known."""
        if self.strays.pop(item.id, None) is None and item.id.kind in self._books:
            self._books[item.id.kind].close(item)

    def recall(self, item_id: ItemId) -> Item | None:
        """Return an item that has ended untold: an intent says that its act is under way, so it has not ended."""
        for index, (item, _) in enumerate(self.ended):
            if item.id == item_id:
                del self.ended[index]
                self.strays[item_id] = item
                return item
        return None

    def take_over(self, before: Books, by: Handover) -> None:
        """Take over what the engine of another plan had under way, as far as the same thing counts it."""
        for old in before:
            new = self._heir(old, by)
            moves_on = new is not None and new.plan.follows == old.plan.follows and old.plan.follows not in by.severed
            if new is not None:
                new.count_on(old, moves_on)
                if new.plan.name != old.plan.name:
                    self.former[old.plan.name] = new.plan.name
            for item in old:
                if item.act == "open" and old.plan.decide_before in by.severed:
                    self.ended.append((item, by.why))
                elif new is not None and moves_on and new.plan.name == item.id.kind:
                    new.keep(by.carried(item))
                elif item.act == "open":
                    self.strays[item.id] = by.carried(item)
                else:
                    self.ended.append((item, by.why))
        self.gates = sorted({*self.gates, *before.gates} - by.severed)
        self.ended += before.ended
        self.strays |= before.strays
        was = {kind: self.former.get(now, now) for kind, now in before.former.items()}
        self.former |= {kind: now for kind, now in was.items() if kind not in self._books and now in self._books}

    def state(self) -> dict[str, Any]:
        """Return what a snapshot keeps."""
        left = [
            [[item.id.kind, item.plain()] for item in self.strays.values()],
            [[item.id.kind, item.plain(), why] for item, why in self.ended],
            self.former,
            self.gates,
        ]
        return {"": left, **{name: book.state() for name, book in self._books.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        for name, book in self._books.items():
            book.restore(state[name])
        strays, ended, self.former, self.gates = state.get("", ([], [], {}, self.gates))
        left = [Item.from_plain(kind, plain) for kind, plain in strays]
        self.strays = {item.id: item for item in left}
        self.ended = [(Item.from_plain(kind, plain), why) for kind, plain, why in ended]

    def _heir(self, old: ItemBook, by: Handover) -> ItemBook | None:
        """Return the book that goes on with the count of this one; None where nothing counts it any more."""
        source = old.plan.starts.split(".")[0]
        if source in by.severed:
            return None
        named = self._books.get(old.plan.name)
        if named is not None and named.plan.starts == old.plan.starts:
            return named
        return self.by_start.get(source)
