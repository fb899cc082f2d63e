"""Steps: what is found out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt, Le

from ..quantities import Quantity
from .words import MINUTE_NS, Word


@dataclass(frozen=True, kw_only=True)
class ModelStep:
    """Run a model on frames. `each`, `at`, `within`: frames of items, taken where the camera sees them.

    `report`: every answer, or each that changes what is seen, is a result that is sent to the fleet.
    """

    model: Word
    input: Word
    deadline: Annotated[int, Quantity("duration"), Gt(0), Le(MINUTE_NS)]
    each: Word | None = None
    at: Word | None = None
    within: Annotated[float, Quantity("length"), Gt(0), Le(10_000)] = 10.0
    frames: Literal["every", "newest"] | None = None
    priority: Literal["high", "normal", "low"] = "normal"
    report: Literal["every", "changes"] | None = None
