"""Items: what decisions are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MinLen

from .words import Expression, Length, Word


@dataclass(frozen=True, kw_only=True)
class Item:
    """What decisions are about. `places`: distance behind the start."""

    starts: Expression
    follows: Word
    places: Annotated[Mapping[str, Length], MinLen(1)]
    decide_before: Word
