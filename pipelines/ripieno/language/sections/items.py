"""Items: what decisions are about. One that moves is a part on a belt; one that stands is a study, a question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MaxLen, MinLen, doc

from .words import Duration, Expression, Length, Word


@dataclass(frozen=True, kw_only=True)
class MovingItem:
    """A part on a belt. It must be decided before it reaches a place; undecided, it is diverted."""

    starts: Annotated[Expression, doc("the edge that begins one: INPUT.rising")]
    follows: Annotated[Word, doc("the position input that it moves with")]
    places: Annotated[Annotated[Mapping[str, Length], MinLen(1), MaxLen(100)], doc("name -> distance behind the start")]
    decide_before: Annotated[Word, doc("the place (named like its output) by which it must be decided")]


@dataclass(frozen=True, kw_only=True)
class StandingItem:
    """A study, a question, an order: it begins with a message or a picture and must be decided in time."""

    starts: Annotated[Word, doc("the message or frame input that begins one")]
    decide_within: Annotated[Duration, doc("undecided for so long, its verdict is `undecided`")]
    key: Annotated[
        Word | None, doc("the field that tells one from another; without it, the key that the sender gave")
    ] = None


ITEMS: tuple[type, ...] = (MovingItem, StandingItem)
