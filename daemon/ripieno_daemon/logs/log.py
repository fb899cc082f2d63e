"""What the daemon says, on its way: known by what it is about, held within bounds, and written where somebody reads."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from .about import Known
from .entry import LEVEL_OF, Entry
from .flood import Flood

if TYPE_CHECKING:
    from ripieno.contracts.ports import Clock

Write = Callable[[Entry], None]
LONGEST_TEXT = 16_000  # a stack of a blocked loop is a few thousand


class Log:
    """Says sentences. To be used on the loop; `blocked` may be said by the thread that watches it.

    Args:
        writes: where entries go; a write returns at once and raises nothing.
    """

    def __init__(self, clock: Clock, *writes: Write) -> None:
        self._clock, self._writes = clock, list(writes)
        self._known, self._flood = Known(), Flood()

    def know(self, pipelines: Collection[str], devices: Collection[str]) -> None:
        """Know the names of the plan that is to run."""
        self._known = Known(pipelines, devices)

    def add(self, write: Write) -> None:
        """Write what is said from now on there too."""
        self._writes.append(write)

    def tell(self, event: str, text: str) -> None:
        """Say what kind of thing happened, and the sentence."""
        admitted = self._flood.admits(event, text, self._clock.monotonic_ns())
        if admitted is None:
            return
        level = LEVEL_OF.get(event) or ("warning" if text.startswith("ALARM") else "info")
        entry = Entry(self._clock.wall_ns() // 1000, level, event, admitted[:LONGEST_TEXT], self._known.about(text))
        for write in self._writes:
            write(entry)
