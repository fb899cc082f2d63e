"""A board outside this process between a line and a plant, behind the seam that `line/ptys.py` runs.

What the board did counts at the time that the board gives, unless the plant has already been past it. Edges and
motion reach the board a little late but with their own time, as a capture input gives it.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

from ripieno_sim.board import Channel
from ripieno_sim.board.numbers import signed32
from ripieno_sim.firmware.board_time import BoardTime
from ripieno_sim.firmware.bus import Ask, Booted, BusReader, BusTime, Edge, Hang, Levels, Motion, Next, Output, bus_wire
from ripieno_sim.line import TO_BOARD, TO_HOST, PacedLine
from ripieno_sim.plant import Belt, Conveyor

__all__ = ["Boot", "WiredRig"]

_MILLION = 1_000_000
Read = Callable[[], bytes]
Write = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of the board, as its plant bus told it."""

    heard_us: int
    cause: int


class WiredRig:
    """Line, plant and the two wires of a board. Times are microseconds of the rig and never fall.

    Args:
        plant: its board is this object.
        line: between the host and the board's link.
        table: the outputs and their safe values.
        read_link, write_link, read_bus, write_bus: the board's wires; none of them waits.
    """

    def __init__(
        self,
        plant: Conveyor,
        line: PacedLine,
        table: tuple[Channel, ...],
        *,
        read_link: Read,
        write_link: Write,
        read_bus: Read,
        write_bus: Write,
    ) -> None:
        self.plant = plant
        self.line = line
        self.now_us = 0
        self.boots: list[Boot] = []
        self.outputs: list[Output] = []
        self.late_outputs = 0  # the plant had already been past their time
        self._plant_us = 0  # when something last happened by itself in the plant
        self._table = table
        self._values = {channel.number: channel.safe for channel in table}
        self._time = BoardTime()
        self._is_ready = False
        self._asked_when_told: int | None = None
        self._bus = BusReader()
        self._read_link, self._write_link = read_link, write_link
        self._read_bus, self._write_bus = read_bus, write_bus
        plant.attach(self)

    @property
    def finished(self) -> bool:
        """Whether the last part has left the belt."""
        return self.plant.finished

    @property
    def is_ready(self) -> bool:
        """Whether the board of this boot knows its inputs and its position: it has answered after it was told."""
        return self._is_ready

    def send(self, written: bytes, now_us: int) -> None:
        """Put what the host writes on the line."""
        self.line.send(TO_BOARD, written, max(now_us, self.now_us))

    def hang(self, ms: int) -> None:
        """Tell firmware that is built for tests to let its main loop hang."""
        self._write_bus(bus_wire(Hang(ms)))

    def all_safe(self, now_us: int) -> None:
        """Let the pins fall, as they do when a controller is reset or dies."""
        for channel in self._table:
            if self._values[channel.number] != channel.safe:
                self._values[channel.number] = channel.safe
                self.plant.output(channel.number, channel.safe, None, now_us)

    def next_deadline_us(self) -> int:
        """Return when something happens by itself; the board's clock is always asked for at some time."""
        dues_us = (self.line.next_deadline_us(), self.plant.next_deadline_us(), self._time.next_ask_us)
        return min(due_us for due_us in dues_us if due_us is not None)

    def advance(self, now_us: int) -> bytes:
        """Let everything up to `now_us` happen at its own time; return what reached the host."""
        self._hear(now_us)
        arrived = b""
        while (due_us := self.next_deadline_us()) <= now_us:
            arrived += self._step(max(due_us, self.now_us))
        self.now_us = max(now_us, self.now_us)
        return arrived

    def input_edge(self, number: int, rising: bool, now_us: int) -> None:
        """Tell the board of an edge; one whose clock is not known yet, because it is starting, misses it."""
        if self._time.is_known:
            self._write_bus(bus_wire(Edge(self._time.to_board(now_us), number, int(rising))))

    def speed_changed(self) -> None:
        """Tell the board where the belt is and how fast it moves as of now, and the change that comes next.

        What comes next is what a copy of the belt, with its random stream, does: were the board told when it happens,
        every stall of this process would make a board late that a real encoder keeps on time.
        """
        if not self._time.is_known:
            return
        self._write_bus(bus_wire(Motion(*self._motion(self.plant.belt, self.now_us))))
        change_us = self.plant.belt.next_change_us()
        if change_us is not None:
            change_us = max(change_us, self.now_us)  # one that fell into a jam is made when the jam ends
            ahead = copy.deepcopy(self.plant.belt)
            ahead.advance(change_us)
            self._write_bus(bus_wire(Next(*self._motion(ahead, change_us))))

    def _motion(self, belt: Belt, at_us: int) -> tuple[int, int, int, int]:
        """Return the board's time, count, fraction and speed of a belt that has just changed."""
        count = belt.count_at(at_us)
        next_us = belt.time_of_count(count + 1)
        fraction = 0 if next_us is None else _MILLION - belt.speed * (next_us - at_us)
        fraction = min(max(fraction, 0), _MILLION - 1)
        return self._time.to_board(at_us), signed32(count), fraction, belt.speed

    def _step(self, now_us: int) -> bytes:
        self.now_us = now_us
        self._advance_plant(now_us)
        if now_us >= self._time.next_ask_us:
            self._write_bus(bus_wire(Ask(self._time.ask(now_us))))
        to_board, to_host = self.line.deliver(now_us)
        if to_board:
            self._write_link(to_board)
        return to_host

    def _hear(self, now_us: int) -> None:
        spoken = self._read_link()
        if spoken:
            self.line.send(TO_HOST, spoken, now_us)
        for message in self._bus.feed(self._read_bus()):
            if isinstance(message, Output):
                self._output(message, now_us)
            elif isinstance(message, BusTime):
                self._answered(message, now_us)
            else:
                self._booted(message, now_us)

    def _advance_plant(self, now_us: int) -> None:
        due_us = self.plant.next_deadline_us()
        if due_us is not None and due_us <= now_us:
            self._plant_us = now_us
            self.plant.advance(now_us)

    def _output(self, output: Output, now_us: int) -> None:
        """Let an output happen at its time, after what the plant does before it."""
        did_us = min(self._time.to_rig(output.t_us, now_us), now_us) if self._time.is_known else now_us
        while (due_us := self.plant.next_deadline_us()) is not None and due_us < did_us:
            self.now_us = max(due_us, self.now_us)
            self._advance_plant(self.now_us)
        self._values[output.channel] = output.value
        self.outputs.append(output)
        what = (output.channel, output.value, output.cmd_id or None)
        if did_us < self._plant_us:
            self.late_outputs += 1
            self.plant.output_told_late(*what, self._plant_us, did_us)
        else:
            self.plant.output(*what, did_us)

    def _answered(self, answer: BusTime, now_us: int) -> None:
        was_known = self._time.is_known
        self._time.answered(answer.tag, answer.t_us, now_us)
        self._is_ready = self._is_ready or answer.tag == self._asked_when_told
        if self._time.is_known and not was_known:
            self._write_bus(bus_wire(Levels(self.plant.inputs(now_us))))
            self.speed_changed()
            self._asked_when_told = self._time.ask(now_us)
            self._write_bus(bus_wire(Ask(self._asked_when_told)))

    def _booted(self, booted: Booted, now_us: int) -> None:
        self.boots.append(Boot(now_us, booted.cause))
        self.all_safe(max(now_us, self.now_us))
        self._time.forget(now_us)
        self._is_ready, self._asked_when_told = False, None
