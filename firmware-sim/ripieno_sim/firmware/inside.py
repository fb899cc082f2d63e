"""What tests ask of the inside of a board that runs the firmware, named as in the Python board."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

from ripieno_sim.board.clock import BoardClock
from ripieno_sim.firmware.library import Look

__all__ = ["Inside", "Ram"]


@dataclass(frozen=True, slots=True)
class Ram:
    """The journal: what the firmware says of it, and its bytes."""

    epoch: int
    last_cmd_id: int
    ram: "ctypes.Array[ctypes.c_char]"


@dataclass(frozen=True, slots=True)
class InsidePins:
    """The outputs."""

    look: Callable[[], Look]

    @property
    def values(self) -> list[int]:
        """The value of each channel."""
        return list(self.look().values)

    def mask(self) -> int:
        """Return bit n for each channel n that is not at its safe value."""
        return self.look().outputs


@dataclass(frozen=True, slots=True)
class Inside:
    """Clock, count and outputs of one boot. `count` takes a true time."""

    clock: BoardClock
    look: Callable[[], Look]
    count: Callable[[int], int]

    @property
    def armed(self) -> int:
        """The armed mask."""
        return self.look().armed

    @property
    def pins(self) -> InsidePins:
        """The outputs."""
        return InsidePins(self.look)
