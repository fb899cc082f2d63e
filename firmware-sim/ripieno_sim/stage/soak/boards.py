"""The boards that can be soaked, behind what all of them can do."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final, Protocol

from ripieno_sim.board import Board, BoardSettings, Hooks, Machine
from ripieno_sim.codec import Cause


class SoakBoard(Protocol):
    """A board in virtual time. Times are true microseconds and never fall."""

    def receive(self, received: bytes, now_us: int) -> None: ...
    def advance(self, now_us: int) -> None: ...
    def poll(self, now_us: int) -> bytes: ...
    def next_deadline_us(self) -> int | None: ...
    def input_edge(self, number: int, rising: bool, now_us: int) -> None: ...
    def speed_changed(self) -> None: ...
    def reset(self, now_us: int, cause: Cause, keep_ram: bool, keep_count: bool = True) -> None: ...
    def hang(self, now_us: int, for_us: int) -> None: ...
    def press_reset_of_estop(self, now_us: int) -> None: ...


class Entropy(random.Random):
    """A board's entropy that gives the last boot's id again when told to: a poor source at power-on does that."""

    repeats = False
    _boot_id = 0

    def getrandbits(self, k: int, /) -> int:
        """Return bits; the first 32 after `repeats` was set are those of the boot before."""
        if self.repeats and k == 32:
            self.repeats = False
            return self._boot_id
        bits = super().getrandbits(k)
        self._boot_id = self._boot_id or bits
        return bits


def _python(settings: BoardSettings, machine: Machine, entropy: random.Random, hooks: Hooks) -> SoakBoard:
    return Board(settings, machine, entropy, 0, hooks)


def _c(settings: BoardSettings, machine: Machine, entropy: random.Random, hooks: Hooks) -> SoakBoard:
    from ripieno_sim.firmware import CBoard

    return CBoard(settings, machine, entropy, 0, hooks)


MakeBoard = Callable[[BoardSettings, Machine, random.Random, Hooks], SoakBoard]
BOARDS: Final[dict[str, MakeBoard]] = {"python": _python, "c": _c}
