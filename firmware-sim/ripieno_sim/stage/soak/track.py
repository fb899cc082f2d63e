"""Board, line and machine in one time; what the host writes goes in, what reaches it comes out."""

from __future__ import annotations

from ripieno_sim.board import BoardSettings, ResetNow, Step
from ripieno_sim.codec import Cause
from ripieno_sim.line import TO_BOARD, TO_HOST, LineFaults, PacedLine
from ripieno_sim.plant import CHANNELS
from ripieno_sim.seeds import stream

from .boards import Entropy, MakeBoard
from .machine import SoakMachine


class PowerFailsAtSteps:
    """A reset at one step in so many of the life of commands; the board's `Hooks`."""

    def __init__(self, seed: int, likely: float) -> None:
        self.likely = likely
        self.resets: list[bool] = []
        """`keep_ram` of each reset that the track has not noticed yet."""
        self._draw = stream(seed, "power")

    def at(self, step: Step, cmd_id: int) -> None:
        """Let the step pass, or cut the power."""
        if self.likely and self._draw.random() < self.likely:
            keep_ram = self._draw.random() < 0.7
            self.resets.append(keep_ram)
            raise ResetNow(Cause.BROWN_OUT, keep_ram)


class Track:
    """Times are true microseconds. `base` is the belt's count at which the board's own count is 0."""

    def __init__(
        self,
        seed: int,
        make_board: MakeBoard,
        machine: SoakMachine,
        *,
        baud: int,
        faults: LineFaults,
        drift_ppm: int,
        step_resets: float,
    ) -> None:
        self.machine = machine
        self.line = PacedLine(baud, stream(seed, "line"), faults)
        self.hooks = PowerFailsAtSteps(seed, step_resets)
        self.entropy = Entropy(stream(seed, "board").getrandbits(64))
        self.base = machine.count_at(0)
        settings = BoardSettings(table=CHANNELS, baud=baud, drift_ppm=drift_ppm, clock_start_us=2**32 - 20_000_000)
        self.board = make_board(settings, machine, self.entropy, self.hooks)
        machine.board = self.board
        self.resets = 0

    def reset(self, now_us: int, cause: Cause, keep_ram: bool, keep_count: bool = True) -> None:
        """Reset the board."""
        self.resets += 1
        self.machine.hung_until_us = min(self.machine.hung_until_us, now_us)
        self.board.reset(now_us, cause, keep_ram, keep_count)
        if not (keep_ram and keep_count):
            self.base = self.machine.count_at(now_us)

    def hang(self, now_us: int, for_us: int) -> None:
        """Let the firmware do nothing for a while; past 0.5 s its watchdog resets it."""
        self.machine.hang(now_us, now_us + min(for_us, 500_000))
        self.board.hang(now_us, for_us)

    def next_us(self) -> int | None:
        """Return when `advance` has something to do."""
        soonest = self.line.next_deadline_us()
        board_us = self.board.next_deadline_us()
        if board_us is not None and (soonest is None or board_us < soonest):
            soonest = board_us
        machine_us = self.machine.next_us()
        return machine_us if soonest is None or (machine_us is not None and machine_us < soonest) else soonest

    def advance(self, now_us: int) -> bytes:
        """Do what is due; return what reached the host."""
        self.machine.advance(now_us)
        to_board, to_host = self.line.deliver(now_us)
        if to_board:
            self.machine.heard(now_us)
            self.board.receive(to_board, now_us)
        self.board.advance(now_us)
        if self.hooks.resets:
            self._noticed(now_us)
        leaves = self.board.poll(now_us)
        if leaves:
            self.line.send(TO_HOST, leaves, now_us)
        return to_host

    def write(self, written: bytes, now_us: int) -> None:
        """Put what the host writes on the line."""
        self.line.send(TO_BOARD, written, now_us)

    def _noticed(self, now_us: int) -> None:
        for keep_ram in self.hooks.resets:
            self.resets += 1
            if not keep_ram:
                self.base = self.machine.count_at(now_us)
        self.hooks.resets.clear()
