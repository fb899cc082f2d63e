"""Acts leave in the order of their ids, each only when its intent is durable; docs/link-protocol.md section 5,
rules 1 and 2.

The board accepts rising ids only, and the disk may finish writes in any order: an act whose intent is durable
waits for those with
lower ids. One whose window closed meanwhile is not sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ripieno.errors import LinkDown
from ripieno.values import Act, Outcome

from .arguments import Order
from .commands import Command
from .messages import Welcome


@dataclass(slots=True, eq=False)
class Departure:
    """One act on its way to the line. `refused` says why it must not leave; `tell` hears the outcome, or that the
    device was stopped before it was known; `nobody_waits`: its caller was cancelled.
    """

    command: Command
    order: Order
    session: Welcome
    tell: Callable[[Outcome | LinkDown], None]
    is_durable: bool = False
    refused: str = ""
    nobody_waits: bool = False


class Departures:
    """First in, first out."""

    def __init__(self) -> None:
        self._queue: deque[Departure] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def enter(self, departure: Departure) -> None:
        self._queue.append(departure)

    def ready(self) -> Iterator[Departure]:
        """Yield and take out, from the front, those that are durable or refused."""
        while self._queue and (self._queue[0].is_durable or self._queue[0].refused):
            yield self._queue.popleft()

    def withdraw(self, act: Act) -> bool:
        """Refuse an act that has not left yet; False if it is not here."""
        for departure in self._queue:
            if departure.command.intent.act == act:
                departure.refused = departure.refused or "withdrawn before it was sent"
                return True
        return False

    def refuse_all(self, why: str) -> None:
        for departure in self._queue:
            departure.refused = departure.refused or why
