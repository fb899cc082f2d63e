"""The states of an order and what may follow what.

RECEIVED -> EXECUTING -> DONE | FAILED | UNKNOWN
RECEIVED -> CANCELLED | EXPIRED               REFUSED: at once, nothing was done
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where an order is. UNKNOWN: it was begun, and nobody can know whether it was done; it is not done again."""

    RECEIVED = "RECEIVED"
    EXECUTING = "EXECUTING"
    DONE = "DONE"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


FINAL: Final = frozenset(State) - {State.RECEIVED, State.EXECUTING}
