"""Types that the sections share: words, texts, durations, lengths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from ..marks import AnyScalar, Pattern
from ..quantities import Quantity

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
WEEK_NS = 168 * HOUR_NS


@dataclass(frozen=True, slots=True)
class Entries:
    """Marks a mapping whose values are sections of their own.

    Attributes:
        of: the class of all values, or the class for each kind.
        by: how a value says its kind: by its entry "kind", or by which "key" of the table it has.
        short: the type of a value that may stand for a whole section.
    """

    of: type | tuple[type, ...] | Mapping[str, type]
    by: str = "kind"
    short: Any = None


Word = Annotated[str, Pattern(r"[A-Za-z][A-Za-z0-9_.-]*", "a word of letters, digits and _ . -"), MaxLen(63)]
Text = Annotated[str, MinLen(1), MaxLen(200)]
Expression = Annotated[str, AnyScalar(), MinLen(1)]
Age = Annotated[int, Quantity("duration"), Gt(0), Le(HOUR_NS)]
Duration = Annotated[int, Quantity("duration"), Gt(0), Le(WEEK_NS)]
Length = Annotated[float, Quantity("length"), Ge(0), Le(1_000_000)]
