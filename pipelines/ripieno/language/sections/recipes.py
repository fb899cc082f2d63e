"""The products of a line, and what is other for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Le, MaxLen, MinLen, doc

Number = Annotated[float, Ge(-1e15), Le(1e15)]


@dataclass(frozen=True, kw_only=True)
class Recipes:
    """What each product wants otherwise. A part is decided by the recipe under which it began."""

    products: Annotated[
        Mapping[Annotated[str, MinLen(1), MaxLen(100)], Mapping[Annotated[str, MaxLen(400)], Number]],
        MaxLen(1_000),
        doc("by name: settings (`PIPELINE.RULE.STEP.FIELD`) and their values; `{}` where the files' numbers are right"),
    ] = field(default_factory=dict)
    chosen_by: Annotated[
        Annotated[str, MaxLen(200)],
        doc("INPUT.FIELD: the message input, and its text, that names the product; empty: people choose alone"),
    ] = ""
