"""The machine, and what it saw: every part at the eye, every act of the gate, every value of the flow.

All of it is noted by the plant and the board's own steps, nothing by what the daemon says of itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ripieno_sim.board import Board, BoardSettings, ResetNow, Step
from ripieno_sim.codec import Cause
from ripieno_sim.line import PacedLine
from ripieno_sim.plant import CHANNELS, FLOW, Conveyor, ConveyorSettings, Motion
from ripieno_sim.plant.station import Shutter
from ripieno_sim.rig import Rig
from ripieno_sim.seeds import stream

from .bundle import BAUD
from .terms import SPEED_MM_S, Terms

EYE: Final = 0
POWER_FAILS: Final = 0.15  # at each step of a command, while power is bad
FORGETS: Final = 0.2


@dataclass(slots=True)
class Sightings:
    """What machine and board saw. Times in us.

    Attributes:
        counted: (journal epoch, number) -> index of the part, for each edge that the board counted.
        uncounted: indexes of parts whose edge the board missed, because it was starting.
        accepted: command -> when the board took it.
        executed: command -> when the output moved for it, each time.
        flow: (time, value) whenever the flow's value changed.
        hangs: (from, to) of the firmware: outputs stay as they are.
        resets: how often the board was reset.
    """

    counted: dict[tuple[int, int], int] = field(default_factory=dict)
    uncounted: list[int] = field(default_factory=list)
    accepted: dict[int, int] = field(default_factory=dict)
    executed: dict[int, list[int]] = field(default_factory=dict)
    flow: list[tuple[int, int]] = field(default_factory=list)
    hangs: list[tuple[int, int]] = field(default_factory=list)
    resets: int = 0


class WatchedConveyor(Conveyor):
    """A conveyor that notes what its outputs do, and whose belt is driven from outside."""

    def __init__(self, seed: int, settings: ConveyorSettings, shutter: Shutter, seen: Sightings) -> None:
        super().__init__(seed, settings, shutter)
        self._seen = seen
        self.on_act: Callable[[int, int], None] = _nobody

    def output(self, channel: int, value: int, cmd_id: int | None, t_us: int) -> None:
        """Take an output's new value, and note it."""
        super().output(channel, value, cmd_id, t_us)
        if channel == FLOW:
            self._seen.flow.append((t_us, value))
        if cmd_id is not None:
            self._seen.executed.setdefault(cmd_id, []).append(t_us)
            self.on_act(cmd_id, t_us)


class Eye:
    """Between conveyor and board: notes under which number the board counted which part."""

    def __init__(self, board: Board, seen: Sightings) -> None:
        self._board, self._seen = board, seen
        self._risen = 0

    def input_edge(self, number: int, rising: bool, now_us: int) -> None:
        """Pass an edge on."""
        board = self._board
        before = board.journal.edges[EYE]
        board.input_edge(number, rising, now_us)
        if number != EYE or not rising:
            return
        after = board.journal.edges[EYE]
        if after != before:
            self._seen.counted[board.journal.epoch, after] = self._risen
        else:
            self._seen.uncounted.append(self._risen)
        self._risen += 1

    def speed_changed(self) -> None:
        """Pass it on."""
        self._board.speed_changed()


class Steps:
    """The board's `Hooks`: tells each step of a command, and cuts the power there while power is bad."""

    def __init__(self, seed: int, seen: Sightings, on_accepted: Callable[[int, int], None]) -> None:
        self.is_power_bad = False
        self.now_us: Callable[[], int] = int
        self._seen, self._on_accepted = seen, on_accepted
        self._draw = stream(seed, "power")

    def at(self, step: Step, cmd_id: int) -> None:
        """Let the step pass, or cut the power."""
        if step is Step.ACCEPTED:
            self._seen.accepted.setdefault(cmd_id, self.now_us())
            self._on_accepted(cmd_id, self.now_us())
        if self.is_power_bad and self._draw.random() < POWER_FAILS:
            self._seen.resets += 1
            raise ResetNow(Cause.BROWN_OUT, self._draw.random() >= FORGETS)


def build_rig(terms: Terms, shutter: Shutter, seen: Sightings, steps: Steps) -> tuple[Rig, WatchedConveyor]:
    """Return board, line and machine; the belt stands until it is driven."""
    motion = Motion(speed_mm_s=SPEED_MM_S, disturb=False)
    settings = ConveyorSettings(
        parts=10**9, pitch_mm=terms.pitch_mm, laid_upstream=1, jitter_mm=terms.jitter_mm, starts_us=None, motion=motion
    )
    conveyor = WatchedConveyor(terms.seed, settings, shutter, seen)
    told = BoardSettings(
        table=CHANNELS,
        baud=BAUD,
        sample_us=terms.sample_us,
        drift_ppm=terms.drift_ppm,
        clock_start_us=stream(terms.seed, "board clock").randrange(2**32),
    )
    board = Board(told, conveyor, stream(terms.seed, "board"), hooks=steps)
    conveyor.attach(Eye(board, seen))
    rig = Rig(board, PacedLine(BAUD, stream(terms.seed, "line")), conveyor)
    steps.now_us = lambda: rig.now_us
    return rig, conveyor


def _nobody(cmd_id: int, t_us: int) -> None:
    """Until someone waits for acts."""
