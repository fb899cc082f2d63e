"""Outputs: what rules act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt, Le, MaxLen

from ..quantities import Quantity
from .words import HOUR_NS, MINUTE_NS, Length, Word


@dataclass(frozen=True, kw_only=True)
class PulseOutput:
    """One physical act at a time. `safe`: a word for what the output does without power."""

    kind: Literal["pulse"]
    safe: Word
    hold: Annotated[int, Quantity("duration"), Gt(0), Le(MINUTE_NS)]
    before: Length = 0.0
    after: Length = 0.0
    late: Length = 0.0


@dataclass(frozen=True, kw_only=True)
class SetpointOutput:
    """A value under a lease; all numbers are in `unit`."""

    kind: Literal["setpoint"]
    range: tuple[float, float]
    step: Annotated[float, Gt(0)]
    safe: float
    lease: Annotated[int, Quantity("duration"), Gt(0), Le(HOUR_NS)]
    unit: Annotated[str, MaxLen(20)] = ""


@dataclass(frozen=True, kw_only=True)
class BookingOutput:
    """An effect in a system that dedupes by id."""

    kind: Literal["booking"]


OUTPUTS: dict[str, type] = {"pulse": PulseOutput, "setpoint": SetpointOutput, "booking": BookingOutput}
