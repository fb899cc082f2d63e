"""Bytes that wait for the line, and which acts they begin. Bounded: nothing is polled from the link while bytes
wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ripieno.contracts.ports import Line


class Outgoing:
    """What the line has not taken yet. An act counts as sent once the line took its first byte, never before."""

    def __init__(self) -> None:
        self._waiting = b""
        self._marks: deque[tuple[int, int]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, wire: bytes, acts: Sequence[tuple[int, int]]) -> None:
        """Put bytes behind the others; `acts` are (offset in `wire`, cmd_id), rising."""
        self._marks.extend((len(self._waiting) + offset, cmd_id) for offset, cmd_id in acts)
        self._waiting += wire

    def drain(self, line: Line) -> list[int]:
        """Write what the line takes now and return the ids of the acts that have begun to leave."""
        if not self._waiting:
            return []
        taken = line.write(self._waiting)
        if not taken:
            return []
        self._waiting = self._waiting[taken:]
        begun = []
        while self._marks and self._marks[0][0] < taken:
            begun.append(self._marks.popleft()[1])
        self._marks = deque((offset - taken, cmd_id) for offset, cmd_id in self._marks)
        return begun

    def clear(self) -> None:
        """Forget what has not left: it belongs to a session that is over."""
        self._waiting = b""
        self._marks.clear()
