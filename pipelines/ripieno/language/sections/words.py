"""Types that the sections share: words, texts, durations, lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from ..quantities import Quantity
from ..shape import AnyScalar, Pattern

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
WEEK_NS = 168 * HOUR_NS


@dataclass(frozen=True, slots=True)
class About:
    """Marks a key with what it means, for people: a sentence without its full stop."""

    text: str


Word = Annotated[str, Pattern(r"[A-Za-z][A-Za-z0-9_.-]*", "a word of letters, digits and _ . -"), MaxLen(63)]
Text = Annotated[str, MinLen(1), MaxLen(200)]
Expression = Annotated[str, AnyScalar(), MinLen(1)]
Age = Annotated[int, Quantity("duration"), Gt(0), Le(HOUR_NS)]
Duration = Annotated[int, Quantity("duration"), Gt(0), Le(WEEK_NS)]
Length = Annotated[float, Quantity("length"), Ge(0), Le(1_000_000)]
