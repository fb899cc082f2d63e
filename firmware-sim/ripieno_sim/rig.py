"""A board on a line in a plant, in one time: the same object runs in virtual time and behind a pseudo-terminal."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from ripieno_sim.board import Board, BoardSettings, Hooks
from ripieno_sim.line import CLEAN, TO_BOARD, TO_HOST, LineFaults, PacedLine
from ripieno_sim.plant import CHANNELS, Conveyor, ConveyorSettings
from ripieno_sim.plant.station import Shutter
from ripieno_sim.seeds import stream

__all__ = ["Rig", "conveyor_rig"]


@dataclass(slots=True)
class Rig:
    """Board, line and plant. Times are true microseconds and never fall.

    In virtual time: `send` what the host writes, `advance` to the sooner of `next_deadline_us` and the host's own
    deadline, hand what it returns to the host. `due_us` is the next deadline as it was last reckoned.
    """

    board: Board
    line: PacedLine
    plant: Conveyor
    now_us: int = 0
    due_us: int | None = None
    steps: int = field(default=0, repr=False)
    _deeds: list[tuple[int, int, Callable[[int], None]]] = field(default_factory=list, repr=False)
    _deeds_told: int = field(default=0, repr=False)

    @property
    def finished(self) -> bool:
        """Whether the last part has left the belt."""
        return self.plant.finished

    def send(self, written: bytes, now_us: int) -> None:
        """Put what the host writes on the line."""
        self.line.send(TO_BOARD, written, max(now_us, self.now_us))

    def at(self, at_us: int, deed: Callable[[int], None]) -> None:
        """Do something to board, line or plant at a time, before all else that happens then.

        For example `rig.at(5_000_000, lambda now_us: rig.board.reset(now_us, Cause.BROWN_OUT, keep_ram=True))`.
        """
        self._deeds_told += 1
        heapq.heappush(self._deeds, (at_us, self._deeds_told, deed))

    def next_deadline_us(self) -> int | None:
        """Reckon when something happens by itself."""
        soonest = self.line.next_deadline_us()
        if self._deeds and (soonest is None or self._deeds[0][0] < soonest):
            soonest = self._deeds[0][0]
        board_us = self.board.next_deadline_us()
        if board_us is not None and (soonest is None or board_us < soonest):
            soonest = board_us
        plant_us = self.plant.next_deadline_us()
        if plant_us is not None and (soonest is None or plant_us < soonest):
            soonest = plant_us
        self.due_us = soonest
        return soonest

    def advance(self, now_us: int) -> bytes:
        """Let everything up to `now_us` happen at its own time; return what reached the host."""
        self.next_deadline_us()
        return self.resume(now_us)

    def resume(self, now_us: int) -> bytes:
        """Like `advance`, where nothing was done to the rig since `due_us` was reckoned."""
        arrived = b""
        while self.due_us is not None and self.due_us <= now_us:
            arrived += self._step(max(self.due_us, self.now_us))
            self.next_deadline_us()
        self.now_us = max(now_us, self.now_us)
        return arrived

    def _step(self, now_us: int) -> bytes:
        self.now_us = now_us
        self.steps += 1
        board, line = self.board, self.line
        while self._deeds and self._deeds[0][0] <= now_us:
            heapq.heappop(self._deeds)[2](now_us)
        self.plant.advance(now_us)
        to_board, to_host = line.deliver(now_us)
        if to_board:
            board.receive(to_board, now_us)
        board.advance(now_us)
        leaves = board.poll(now_us)
        if leaves:
            line.send(TO_HOST, leaves, now_us)
        return to_host


def conveyor_rig(
    seed: int,
    parts: int = 300,
    *,
    baud: int = 1_000_000,
    plant: ConveyorSettings | None = None,
    board: BoardSettings | None = None,
    faults: LineFaults = CLEAN,
    shutter: Shutter | None = None,
    hooks: Hooks | None = None,
    board_class: type[Board] | None = None,
) -> Rig:
    """Return a rig whose every random draw comes from `seed`.

    Args:
        seed: the run's.
        parts: how many are fed; `plant`, where given, says it instead.
        baud: of the line and of the board's UART.
        plant: geometry and motion; ConveyorSettings(starts_us=None) stands until `rig.plant.start(now_us)`.
        board: a board other than the usual one; its `baud` should be `baud`.
        faults: what the line does wrong.
        shutter: called with (part, count, t_us) when a part is at the camera.
        hooks: where a test cuts the board's power.
        board_class: another class with the Board's interface, such as the firmware's.
    """
    conveyor = Conveyor(seed, plant or ConveyorSettings(parts=parts), shutter)
    settings = board or BoardSettings(table=CHANNELS, baud=baud)
    built = (board_class or Board)(settings, conveyor, stream(seed, "board"), hooks=hooks)
    conveyor.attach(built)
    return Rig(built, PacedLine(baud, stream(seed, "line"), faults), conveyor)
