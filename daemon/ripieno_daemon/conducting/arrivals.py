"""What drivers report, as the events that the engine is told; None for what makes no difference to it."""

from __future__ import annotations

import math
from collections.abc import Callable

from ripieno import engine as rooms
from ripieno.contracts.driver import Arrival
from ripieno.engine import Engine, Event
from ripieno.plan import PipelinePlan
from ripieno.values import DeviceDown, DeviceImpaired, DeviceUp, Edge, Frame, Message, Position, Reading

from .declared import as_declared
from .timeline import Timeline

POSITION_EVERY_NS = 1_000_000_000  # a belt that nothing happens on is still looked at once a second


class Arrivals:
    """Translates arrivals, and keeps back positions that tell nothing new: each event is recorded.

    Args:
        engine: gives the engine of this moment.
        identity: gives epoch and number for the next message, never the same again.
    """

    def __init__(
        self,
        plan: PipelinePlan,
        timeline: Timeline,
        engine: Callable[[], Engine],
        identity: Callable[[], tuple[int, int]],
    ) -> None:
        self._timeline, self._engine, self._identity = timeline, engine, identity
        self._inputs = {one.name: one for one in plan.inputs}
        moving = [item for item in plan.items if not item.stands]
        self._starts = {item.starts.split(".")[0] for item in moving}
        self._begun_by_frames = {item.starts for item in plan.items if item.stands}
        self._unplaced = {item.follows for item in moving}
        self._last_position_t = 0
        self._last_edges: dict[str, tuple[int, int]] = {}

    @property
    def is_placed(self) -> bool:
        """Whether this process has heard the count that items begin from: what was missed before it is known then."""
        return not self._unplaced

    def event(self, arrival: Arrival) -> Event | None:
        """Return what the engine is told."""
        now, of = self._timeline.now(), self._timeline.of
        match arrival:
            case Frame():
                return self._frame(arrival, now)
            case Edge():
                return self._edge(arrival, now)
            case Position():
                return self._position(arrival, now)
            case Reading():
                fields = self._inputs[arrival.input].fields
                values = tuple(float(arrival.fields.get(name, math.nan)) for name, _ in fields)
                return rooms.ReadingSeen(now, arrival.input, values, of(arrival.at_ns), arrival.health.value)
            case Message():
                said = as_declared(arrival.body, self._inputs[arrival.input].fields)
                taken_t = of(arrival.at_ns) or now
                return rooms.MessageSeen(now, arrival.input, arrival.key, *self._identity(), said, taken_t)
            case DeviceUp():
                return rooms.DeviceChanged(now, arrival.device, True, arrival.epoch, "")
            case DeviceDown():
                return rooms.DeviceChanged(now, arrival.device, False, 0, arrival.why)
            case DeviceImpaired():
                return None  # it works: a person is told, and nothing decides by it

    def _frame(self, frame: Frame, now: int) -> Event:
        begins = frame.input in self._begun_by_frames
        epoch, number = self._identity() if begins else (0, 0)
        return rooms.FrameSeen(
            now,
            frame.input,
            frame.sequence,
            frame.position_mm,
            self._timeline.of(frame.at_ns),
            frame.health.value,
            frame.why,
            frame.still_ns,
            frame.key if begins else "",
            epoch,
            number,
        )

    def _edge(self, edge: Edge, now: int) -> Event | None:
        if edge.input not in self._starts or not edge.rising:
            return None
        self._last_position_t = now
        taken_t = self._timeline.of(edge.at_ns)
        return rooms.EdgeSeen(now, edge.input, True, edge.epoch, edge.number, edge.position_mm, taken_t)

    def _position(self, arrival: Position, now: int) -> Event | None:
        edges, due = (arrival.epoch, arrival.edges), self._engine().next_position_mm()
        news = (
            arrival.input in self._unplaced
            or (self._last_edges.get(arrival.input) != edges and now - self._last_position_t >= POSITION_EVERY_NS // 4)
            or (due is not None and arrival.position_mm >= due)
            or now - self._last_position_t >= POSITION_EVERY_NS
        )
        if not news:
            return None
        self._last_edges[arrival.input] = edges
        self._last_position_t = now
        self._unplaced.discard(arrival.input)
        taken_t = self._timeline.of(arrival.at_ns)
        return rooms.PositionSeen(now, arrival.input, arrival.position_mm, arrival.epoch, arrival.edges, taken_t)
