"""What a board needs of the machine around it, and where a test may cut its power."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ripieno_sim.codec import Cause

__all__ = ["Hooks", "Machine", "NoHooks", "ResetNow", "Step"]


class Machine(Protocol):
    """The belt and the pins. All times are true microseconds, counts are absolute and never wrap.

    The machine in turn calls `Board.input_edge` at each edge and `Board.speed_changed` at each change of speed.
    """

    def count_at(self, now_us: int) -> int:
        """Return the encoder's position."""

    def time_of_count(self, count: int) -> int | None:
        """Return the first time at which `count` is reached if the speed stays, None if it then never is."""

    def inputs(self, now_us: int) -> int:
        """Return the levels of the inputs, bit n for input n."""

    def output(self, channel: int, value: int, cmd_id: int | None, t_us: int) -> None:
        """Take a new output value; `cmd_id` is None where no ACT is the reason."""


class Step(Enum):
    """A place in the life of a command where power may fail."""

    ACCEPTED = "noted as PENDING, nothing done"
    BEFORE_PIN = "noted as IN_DOUBT, the output has not changed"
    AFTER_PIN = "the output has changed, not yet noted as DONE"
    AFTER_DONE = "noted as DONE, not yet answered"


@dataclass(slots=True)
class ResetNow(Exception):
    """Raised by a hook: the board resets at this very step."""

    cause: Cause = Cause.BROWN_OUT
    keep_ram: bool = True


class Hooks(Protocol):
    """Called at each step of each command; may raise ResetNow."""

    def at(self, step: Step, cmd_id: int) -> None:
        """Let the step pass, or raise ResetNow."""


class NoHooks:
    """Nothing fails."""

    def at(self, step: Step, cmd_id: int) -> None:
        """Let every step pass."""
