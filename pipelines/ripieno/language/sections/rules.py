"""Rules: what is done, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from ..quantities import Amount, AmountOf, Quantity
from ..shape import OneOrMany
from .words import WEEK_NS, Expression, Word


@dataclass(frozen=True, kw_only=True)
class Verify:
    """What must be true some time after a change."""

    after: Annotated[Amount, AmountOf(("count", "duration"))]
    that: Expression
    else_: Literal["undo", "alarm"] = "alarm"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule for each item, or over time."""

    do: Annotated[tuple[Expression, ...], OneOrMany(), MinLen(1), MaxLen(20)]
    when: Expression | None = None
    each: Word | None = None
    after: Expression | None = None
    for_: Annotated[int, Quantity("duration"), Gt(0), Le(WEEK_NS)] | None = None
    after_gap: Literal["start_over", "keep", "fire_if_elapsed"] = "start_over"
    cooldown: Annotated[int, Quantity("duration"), Ge(0), Le(WEEK_NS)] = 0
    else_: Literal["divert", "hold"] | None = None
    verify: Verify | None = None
