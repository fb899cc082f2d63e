"""Items: what decisions are about. One that moves is a part on a belt; one that stands is a study, a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen, MinLen

from .words import About, Duration, Expression, Length, Word


@dataclass(frozen=True, kw_only=True)
class MovingItem:
    """A part on a belt. It must be decided before it reaches a place; undecided, it is diverted."""

    starts: Annotated[Expression, About("the edge that begins one: INPUT.rising")]
    follows: Annotated[Word, About("the position input that it moves with")]
    places: Annotated[
        Annotated[Mapping[str, Length], MinLen(1), MaxLen(100)], About("name -> distance behind the start")
    ]
    decide_before: Annotated[Word, About("the place (named like its output) by which it must be decided")]


@dataclass(frozen=True, kw_only=True)
class StandingItem:
    """A study, a question, an order: it begins with a message and must be decided in time."""

    starts: Annotated[Word, About("the message input that begins one")]
    decide_within: Annotated[Duration, About("undecided for so long, its verdict is `undecided`")]
    key: Annotated[
        Word | None, About("the field that tells one from another; without it, the key that the sender gave")
    ] = None


ITEMS: tuple[type, ...] = (MovingItem, StandingItem)
Item = MovingItem
