"""A world for the engine: makes events as a line would, and remembers what the engine wanted."""

from __future__ import annotations

from typing import TypeVar

from ripieno import engine as rooms
from ripieno.engine import Effect, Engine, Event
from ripieno.plan import PipelinePlan
from ripieno.values import Health, ItemId, OutcomeKind

from .plans import MS, line

EPOCH = 7
E = TypeVar("E")


class World:
    """Time goes on 100 ms with each part; the belt 50 mm."""

    def __init__(self, plan: PipelinePlan | None = None) -> None:
        self.plan = plan or line()
        self.engine = Engine(self.plan)
        self.t = 0
        self.log: list[Event] = []
        self.effects: list[Effect] = []
        self.sequence = 0

    def tell(self, event: Event) -> list[Effect]:
        """Step the engine, and remember."""
        self.log.append(event)
        effects = self.engine.step(event)
        self.effects += effects
        return effects

    def start(self, gap_ns: int = 0, in_flight: tuple[tuple[str, str, int, bytes], ...] = ()) -> list[Effect]:
        """Begin the process, with a board that has counted no edge yet."""
        effects = self.tell(rooms.Started(self.t, gap_ns, in_flight))
        return effects + self.tell(rooms.PositionSeen(self.t, "belt", 0.0, EPOCH, 0, self.t))

    def edge(self, number: int, mm: float | None = None) -> list[Effect]:
        """Part `number` is at the photo-eye."""
        self.t += 100 * MS
        at = number * 50.0 if mm is None else mm
        return self.tell(rooms.EdgeSeen(self.t, "photo_eye", True, EPOCH, number, at, self.t))

    def frame(self, mm: float) -> list[Effect]:
        """A picture was taken at this belt position."""
        self.sequence += 1
        return self.tell(rooms.FrameSeen(self.t, "top", self.sequence, mm, self.t))

    def result(
        self, number: int, label: str, score: float = 0.9, health: Health = Health.GOOD, late_ms: int = 0
    ) -> list[Effect]:
        """The model answers about part `number`."""
        asked = self.t
        self.t += late_ms * MS
        item = ItemId("part", EPOCH, number)
        answer = rooms.ResultSeen(
            self.t, "look", self.sequence, item, asked, asked, health.value, label, score, "", "cafe", 1, 2
        )
        return self.tell(answer)

    def part(self, number: int, label: str, score: float = 0.9) -> list[Effect]:
        """A part is seen, photographed and judged."""
        return self.edge(number) + self.frame(number * 50.0 + 120.0) + self.result(number, label, score)

    def settle(self, number: int, kind: OutcomeKind, why: str = "") -> list[Effect]:
        """The outcome of a part's act is known."""
        cause = str(ItemId("part", EPOCH, number))
        return self.tell(rooms.ActSettled(self.t, cause, "gate", 0, kind.value, why, self.t, 0.0, self.t))

    def move(self, mm: float, edges: int) -> list[Effect]:
        """The belt is at `mm`."""
        return self.tell(rooms.PositionSeen(self.t, "belt", mm, EPOCH, edges, self.t))


def only(effects: list[Effect], kind: type[E]) -> list[E]:
    """Return the effects of one kind."""
    return [effect for effect in effects if isinstance(effect, kind)]
