"""The acts that wait for their trigger, and which of them is next."""

from dataclasses import dataclass

from ripieno_sim.board.journal import Entry
from ripieno_sim.board.machine import Machine
from ripieno_sim.codec import Act

__all__ = ["ROOM", "Queue", "Waiting"]

ROOM = 32


@dataclass(slots=True)
class Waiting:
    """An accepted act. `at_count` is the machine's count; `due_us` None while the belt does not go there."""

    act: Act
    entry: Entry
    accepted_us: int
    at_count: int | None
    due_us: int | None


class Queue:
    """At most ROOM acts; the caller refuses more."""

    def __init__(self) -> None:
        self.first_us: int | None = None
        self._waiting: list[Waiting] = []

    @property
    def is_full(self) -> bool:
        """Whether there is no room."""
        return len(self._waiting) >= ROOM

    def add(self, waiting: Waiting) -> None:
        """Let an act wait."""
        self._waiting.append(waiting)
        self._reckon()

    def find(self, cmd_id: int) -> Waiting | None:
        """Return the act with an id."""
        return next((waiting for waiting in self._waiting if waiting.act.cmd_id == cmd_id), None)

    def remove(self, waiting: Waiting) -> None:
        """Let an act wait no more."""
        self._waiting.remove(waiting)
        self._reckon()

    def take_all(self) -> list[Waiting]:
        """Empty the queue, oldest first."""
        taken, self._waiting, self.first_us = self._waiting, [], None
        return taken

    def take_due(self, now_us: int) -> Waiting | None:
        """Take the act that was due first, the lower id of two."""
        if self.first_us is None or self.first_us > now_us:
            return None
        due = min((w for w in self._waiting if w.due_us == self.first_us), key=lambda w: w.act.cmd_id)
        self.remove(due)
        return due

    def speed_changed(self, machine: Machine) -> None:
        """Ask the machine again when the counts will be reached."""
        for waiting in self._waiting:
            if waiting.at_count is not None:
                waiting.due_us = machine.time_of_count(waiting.at_count)
        self._reckon()

    def _reckon(self) -> None:
        self.first_us = min((w.due_us for w in self._waiting if w.due_us is not None), default=None)
