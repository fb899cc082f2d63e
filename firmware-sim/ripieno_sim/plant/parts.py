"""The parts on the belt, and the places that each passes in turn."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["LEAST_NORMAL", "MOST_NORMAL", "End", "Part"]

LEAST_NORMAL, MOST_NORMAL = 0.90, 1.10


class End(Enum):
    """Where a part left the belt."""

    PASSED = "pass bin"
    DIVERTED = "divert bin"


@dataclass(slots=True)
class Part:
    """One part.

    `start_count` is the belt's count at which its leading edge is at the photo-eye; `flow` the flow factor in force
    when it was laid; `width_ratio` its width over the wanted one.
    """

    index: int
    start_count: int
    width_ratio: float
    flow: float
    laid_us: int
    end: End | None = None
    ended_us: int | None = None

    @property
    def state(self) -> str:
        """Return 'under', 'normal' or 'over'."""
        if self.width_ratio < LEAST_NORMAL:
            return "under"
        return "over" if self.width_ratio > MOST_NORMAL else "normal"

    @property
    def error(self) -> float:
        """Return how far the width is from the wanted one, as a ratio."""
        return abs(self.width_ratio - 1.0)
