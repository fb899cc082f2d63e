"""Which picture belongs to which open item, and which of them may be believed: followed through the record by hand.

A picture exposed within 10 mm of the place where an item is at the camera is that item's, once. An item opens with its
edge (or with an act found in the intents after a crash) and closes where its way is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgpack

from ripieno.engine import ActSettled, DeviceChanged, EdgeSeen, FrameSeen, PositionSeen, ResultSeen, Started

CAMERA_MM, WITHIN_MM = 120.0, 10.0
DECIDE_MM, LEAVE_MM = 620.0, 673.0  # gate at 640: it begins 20 before; 25 behind it and 8 late the item is gone
MOVED_MM: Final = 20.0
BACK_MM: Final = 1.0
DEADLINE_NS, PICTURE_AGE_NS = 100_000_000, 200_000_000


@dataclass(slots=True)
class Open:
    """An item under way. `is_let_through`: an act of it has no outcome yet."""

    start_mm: float
    is_asked: bool = False
    is_answered: bool = False
    verdict: str = ""
    is_let_through: bool = False


class Pictures:
    """The items, by identity, as far as pictures need them."""

    def __init__(self) -> None:
        self.items: dict[str, Open] = {}
        self._epoch: int | None = None
        self._last = 0
        self._at_mm: float | None = None
        self._is_in_doubt = False
        self._still_since_mm: float | None = None

    def edge(self, event: EdgeSeen) -> None:
        """An item may have begun."""
        self._reach(event.epoch, event.number - 1)
        if event.position_mm is not None:
            self._place(event.position_mm)
        if event.number > self._last:
            self._last = event.number
            name = _name(event.epoch, event.number)
            if event.position_mm is not None and name not in self.items:
                self.items[name] = Open(event.position_mm)
        if event.position_mm is not None:
            self._moved(event.position_mm)

    def position(self, event: PositionSeen) -> None:
        """The belt has moved."""
        self._reach(event.epoch, event.edges)
        self._place(event.position_mm)
        self._moved(event.position_mm)

    def device(self, event: DeviceChanged) -> None:
        """A board that comes back may have lost its count."""
        self._is_in_doubt = self._is_in_doubt or event.up

    def started(self, event: Started) -> None:
        """Acts that were never sent end; items are known again by their acts; questions to the model are forgotten."""
        flying = {cause: note for cause, output, _, note in event.in_flight if output == "gate"}
        for name, item in list(self.items.items()):
            if item.is_let_through and name not in flying:
                del self.items[name]
            item.is_asked = item.is_answered
        for name, note in flying.items():
            _, epoch, number = name.rsplit("-", 2)
            self._epoch = int(epoch, 16) if self._epoch is None else self._epoch
            gone = int(epoch, 16) != self._epoch or int(number) <= self._last
            if name not in self.items and not gone:
                _, verdict, start_mm = msgpack.unpackb(note, raw=False)
                self.items[name] = Open(start_mm, verdict=verdict, is_let_through=True)

    def settled(self, event: ActSettled) -> None:
        """An act has come to its end, and its item with it."""
        item = self.items.get(event.cause)
        if item is not None and item.is_let_through and event.output == "gate":
            del self.items[event.cause]

    def decided(self, name: str, verdict: str) -> None:
        """The record says what an item is."""
        item = self.items.get(name)
        if item is not None:
            item.verdict, item.is_let_through = verdict, verdict == "good"

    def frame(self, event: FrameSeen) -> tuple[str, bool] | None:
        """Return the item that this picture is asked about, and whether the picture may be shown to the model."""
        is_good = self._is_good(event)
        if event.position_mm is None:
            return None
        begun_mm = event.position_mm - CAMERA_MM
        near = [(abs(item.start_mm - begun_mm), name) for name, item in self.items.items()]
        best = min((off for off, _ in near if off <= WITHIN_MM), default=None)
        if best is None:
            return None
        name = [name for off, name in near if off == best][-1]
        if self.items[name].is_asked:
            return None
        self.items[name].is_asked = True
        return name, is_good

    def answered(self, name: str) -> bool:
        """The model has answered, or it is known that it will not; return whether the item still waited for that."""
        item = self.items.get(name)
        if item is None or item.verdict:
            return False
        item.is_answered = True
        return True

    def _is_good(self, event: FrameSeen) -> bool:
        """A picture that is bad by itself, or the same as one from elsewhere on the belt, is shown to no model."""
        is_good, at_mm, before_mm = event.health == "good", event.position_mm, self._still_since_mm
        if event.still_ns <= 0 or before_mm is None:
            self._still_since_mm = at_mm
        elif at_mm is not None and abs(at_mm - before_mm) > MOVED_MM:
            is_good = False
        return is_good

    def _reach(self, epoch: int, upto: int) -> None:
        if epoch != self._epoch:
            is_first, self._epoch = self._epoch is None, epoch
            self.items.clear()
            self._last = max(upto, 0) if is_first else 0
        self._last = max(self._last, upto)

    def _place(self, position_mm: float) -> None:
        """Behind a reset, a count that is further back began anew: what lay on the belt is found no more."""
        before_mm, was_in_doubt = self._at_mm, self._is_in_doubt
        self._at_mm, self._is_in_doubt = position_mm, False
        if was_in_doubt and before_mm is not None and position_mm < before_mm - BACK_MM:
            self.items = {name: item for name, item in self.items.items() if item.is_let_through}

    def _moved(self, position_mm: float) -> None:
        for name, item in list(self.items.items()):
            if item.start_mm + DECIDE_MM > position_mm:
                break
            if not item.is_let_through and item.start_mm + LEAVE_MM <= position_mm:
                del self.items[name]


def is_believed(event: ResultSeen) -> bool:
    """Whether an answer is evidence: healthy, in time, about a fresh picture."""
    in_time = event.t - event.called_t <= DEADLINE_NS and event.t - event.taken_t <= PICTURE_AGE_NS
    return event.health == "good" and in_time


def _name(epoch: int, number: int) -> str:
    return f"part-{epoch:08x}-{number}"
