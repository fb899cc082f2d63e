"""The conveyor: the machine that the board moves.

laid -150 mm       photo-eye 0 mm       camera 120 mm       gate 640 mm
input 0 photo-eye, input 1 gate-open limit switch, input 2 emergency stop
channel 0 gate (pulse), channel 1 extruder flow (setpoint, hundredths of a percent)
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from ripieno_sim.board import Channel, ChannelKind
from ripieno_sim.plant.belt import COUNTS_PER_MM, Belt, Motion
from ripieno_sim.plant.extruder import Extruder
from ripieno_sim.plant.gate import Gate
from ripieno_sim.plant.oracle import Oracle, Tally
from ripieno_sim.plant.parts import End, Part
from ripieno_sim.plant.station import Shutter, Station
from ripieno_sim.seeds import stream

__all__ = ["CHANNELS", "FLOW", "GATE", "Conveyor", "ConveyorSettings", "EdgeSink"]

GATE, FLOW = 0, 1
EYE, GATE_OPEN, ESTOP = 0, 1, 2
RUN_OUT_MM = 80  # the belt runs on behind the last part, as real ones do
FLOW_PER_ONE = 10_000  # hundredths of a percent
CHANNELS = (
    Channel(number=GATE, kind=ChannelKind.PULSE, scale=1, minimum=0, maximum=1, safe=0, cap_ms=2000),
    Channel(number=FLOW, kind=ChannelKind.SETPOINT, scale=100, minimum=6000, maximum=14000, safe=10000, cap_ms=3000),
)


class EdgeSink(Protocol):
    """What the conveyor tells: the board."""

    def input_edge(self, number: int, rising: bool, now_us: int) -> None:
        """Take an edge of an input."""

    def speed_changed(self) -> None:
        """Take notice of another speed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConveyorSettings:
    """How the conveyor is built. Parts are laid `laid_upstream` pitches before the photo-eye.

    `jitter_mm` is how far at most a part lies before or behind its pitch, drawn from the seed; less than half of what
    is free between two parts.
    """

    parts: int = 300
    pitch_mm: int = 50
    part_mm: int = 20
    camera_mm: int = 120
    gate_mm: int = 640
    laid_upstream: int = 3
    jitter_mm: int = 0
    starts_us: int | None = 0
    motion: Motion = field(default_factory=Motion)


class Conveyor:
    """Belt, parts, photo-eye, camera, gate and extruder in one time. It is the board's `Machine`.

    Call `attach` with the board, then `advance` at `next_deadline_us` and no later. With `starts_us=None` the belt
    stands until `start` is called.
    """

    def __init__(self, seed: int, settings: ConveyorSettings, shutter: Shutter | None = None) -> None:
        self.settings = settings
        self.belt = Belt(settings.motion, stream(seed, "belt"))
        self.extruder = Extruder(seed)
        self.gate = Gate()
        self.station = Station(shutter)
        self.oracle = Oracle()
        self.parts: list[Part] = []
        self.finished = False
        self._levels = 0
        self._board: EdgeSink | None = None
        self._starts_us = settings.starts_us
        self._said_us: int | None = None
        self._pitch = settings.pitch_mm * COUNTS_PER_MM
        before = settings.laid_upstream * self._pitch
        places: list[tuple[int, Callable[[Part, int, int], None]]] = [
            (-before, self._lay),
            (0, self._eye_sees),
            (settings.part_mm * COUNTS_PER_MM, self._eye_clears),
            (settings.camera_mm * COUNTS_PER_MM, self.station.trigger),
            (settings.gate_mm * COUNTS_PER_MM, self._at_gate),
            ((settings.gate_mm + settings.part_mm + RUN_OUT_MM) * COUNTS_PER_MM, self._leaves),
        ]
        self._first = before + self._pitch  # the belt's count with part 0 at the photo-eye
        self._feeder = stream(seed, "feeder")
        self._start_counts: list[int] = []
        self._offsets = [offset for offset, _ in places]
        self._acts = [act for _, act in places]
        self._next_part = [0] * len(places)
        self._next_us: int | None = None
        self._next_place = 0

    def attach(self, board: EdgeSink) -> None:
        """Name who is told of edges and speed."""
        self._board = board

    def start(self, at_us: int) -> None:
        """Start the belt at a time, by the next `advance`."""
        self._starts_us = at_us

    def drive_belt(self, counts_s: int, now_us: int) -> None:
        """Let the belt move at another speed from now on: 0 stands; below 0 it runs back, and no place sees that."""
        self.belt.set_speed(counts_s, now_us)
        self._speed_changed()

    def press_estop(self, pressed: bool, now_us: int) -> None:
        """Press the emergency stop, or release it, now; `Rig.at` does it at a time."""
        self._edge(ESTOP, pressed, now_us)

    def count_at(self, now_us: int) -> int:
        """Return the encoder's position."""
        return self.belt.count_at(now_us)

    def time_of_count(self, count: int) -> int | None:
        """Return when a count is reached at the present speed."""
        return self.belt.time_of_count(count)

    def inputs(self, now_us: int) -> int:
        """Return the levels of the inputs."""
        return self._levels

    def output(self, channel: int, value: int, cmd_id: int | None, t_us: int) -> None:
        """Take an output's new value."""
        if cmd_id is not None:
            self.oracle.executed(cmd_id)
        if channel == FLOW:
            self.extruder.set_flow(value / FLOW_PER_ONE, t_us)
        elif channel == GATE:
            count = self.belt.count_at(t_us)
            nearest = self.nearest_to_gate(count if self._said_us is None else self.belt.count_at(self._said_us))
            if self.gate.drive(value != 0, cmd_id, count, nearest, t_us):
                self._edge(GATE_OPEN, False, t_us)

    def output_told_late(self, channel: int, value: int, cmd_id: int | None, t_us: int, said_us: int) -> None:
        """Take an output's new value at `t_us`, of which the board says that it was at `said_us`, before that.

        What a late word does is what happens; for which part it was is where the belt was when the board acted. Else
        an opening that comes late for one part would count as a second one for the next.
        """
        self._said_us = said_us
        try:
            self.output(channel, value, cmd_id, t_us)
        finally:
            self._said_us = None

    def nearest_to_gate(self, count: int) -> int:
        """Return the index that the part with its leading edge nearest the gate has or would have."""
        at_gate = count - self._first - self.settings.gate_mm * COUNTS_PER_MM
        return (2 * at_gate + self._pitch) // (2 * self._pitch)

    def next_deadline_us(self) -> int | None:
        """Return when `advance` has something to do."""
        soonest = self._next_us
        for other_us in (self._starts_us, self.belt.next_change_us(), self.gate.next_deadline_us()):
            if other_us is not None and (soonest is None or other_us < soonest):
                soonest = other_us
        return soonest

    def advance(self, now_us: int) -> None:
        """Do everything that is due."""
        if self._starts_us is not None and self._starts_us <= now_us:
            self._starts_us = None
            self.belt.start(now_us)
            self._speed_changed()
        if self.gate.advance(now_us):
            self._edge(GATE_OPEN, True, now_us)
        if self.belt.advance(now_us):
            self._speed_changed()
        while self._next_us is not None and self._next_us <= now_us:
            place = self._next_place
            index = self._next_part[place]
            self._next_part[place] = index + 1
            part = self.parts[index] if place else self._new_part(index, now_us)
            self._acts[place](part, self._offsets[place] + part.start_count, now_us)
            self._look_ahead()

    def tally(self, verdicts: dict[int, str]) -> Tally:
        """Judge the run; see Oracle.tally."""
        return self.oracle.tally(self.parts, self.gate.openings, verdicts)

    def let_run_out(self) -> None:
        """Lay no more parts: those that are on the belt are the last."""
        self.settings = replace(self.settings, parts=len(self.parts))
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Find the part that comes to its next place first."""
        best: int | None = None
        for place, offset in enumerate(self._offsets):
            index = self._next_part[place]
            if index < self.settings.parts:
                count = offset + self._start_count(index)
                if best is None or count < best:
                    best, self._next_place = count, place
        self._next_us = None if best is None or self.finished else self.belt.time_of_count(best)

    def _start_count(self, index: int) -> int:
        while len(self._start_counts) <= index:
            jitter = self.settings.jitter_mm * COUNTS_PER_MM
            early_or_late = self._feeder.randint(-jitter, jitter) if jitter else 0
            self._start_counts.append(self._first + len(self._start_counts) * self._pitch + early_or_late)
        return self._start_counts[index]

    def _speed_changed(self) -> None:
        self._look_ahead()
        if self._board is not None:
            self._board.speed_changed()

    def _edge(self, number: int, rising: bool, t_us: int) -> None:
        bit = 1 << number
        if bool(self._levels & bit) == rising:
            return
        self._levels ^= bit
        if self._board is not None:
            self._board.input_edge(number, rising, t_us)

    def _new_part(self, index: int, t_us: int) -> Part:
        flow = self.extruder.flow_at(t_us)
        part = Part(index, self._start_count(index), self.extruder.width(index, flow), flow, t_us)
        self.parts.append(part)
        return part

    def _lay(self, part: Part, count: int, t_us: int) -> None:
        """Nothing more: the part came to be in `_new_part`."""

    def _eye_sees(self, part: Part, count: int, t_us: int) -> None:
        self._edge(EYE, True, t_us)

    def _eye_clears(self, part: Part, count: int, t_us: int) -> None:
        self._edge(EYE, False, t_us)

    def _at_gate(self, part: Part, count: int, t_us: int) -> None:
        part.end = End.PASSED if self.gate.arrive(part.index) else End.DIVERTED
        part.ended_us = t_us

    def _leaves(self, part: Part, count: int, t_us: int) -> None:
        if part.index == self.settings.parts - 1:
            self.finished = True
            self.belt.stop(t_us)
            self._speed_changed()
