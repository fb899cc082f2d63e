"""Rules: what is done, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, MaxLen, MinLen

from ..marks import OneOrMany
from ..quantities import Amount, AmountOf, Quantity
from .words import WEEK_NS, About, Duration, Expression, Word


@dataclass(frozen=True, kw_only=True)
class Verify:
    """What must be true some time after a change."""

    after: Annotated[Amount, AmountOf(("count", "duration")), About("so many items or so long after it")]
    that: Annotated[Expression, About("a condition")]
    else_: Annotated[Literal["undo", "alarm"], About("what happens where it is not true")] = "alarm"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule: for each item (`each`), over time, or on a schedule (`every`)."""

    do: Annotated[
        Annotated[tuple[Expression, ...], OneOrMany(), MinLen(1), MaxLen(20)],
        About("one act or a list of them: OUTPUT.VERB(...)"),
    ]
    when: Annotated[Expression | None, About("the condition; over time it acts when it becomes true")] = None
    each: Annotated[Word | None, About("the item kind that it runs once for")] = None
    after: Annotated[
        Expression | None,
        About(
            "an item's rule that waits: OUTPUT.diverted or OUTPUT.passed of one that moves, ITEM.VERDICT or "
            "ITEM.undecided of one that stands"
        ),
    ] = None
    verdict: Annotated[
        Word | None, About("a true condition decides an item that stands, with this word; the first rule wins")
    ] = None
    else_: Annotated[
        Literal["divert", "hold"] | None,
        About("of a part: what happens to it where the condition is false, unknown or too late"),
    ] = None
    for_: Annotated[Duration | None, About("over time: how long it must have been true without a break")] = None
    every: Annotated[
        Annotated[int, Quantity("duration"), Ge(100_000_000), Le(WEEK_NS)] | None,
        About("on a schedule: it acts this often, where its condition holds"),
    ] = None
    after_gap: Annotated[
        Literal["start_over", "keep", "fire_if_elapsed"],
        About("of `for` and `every`: time without a running daemon begins anew, is not counted, or is counted"),
    ] = "start_over"
    cooldown: Annotated[
        Annotated[int, Quantity("duration"), Ge(0), Le(WEEK_NS)], About("over time: so long it does not act again")
    ] = 0
    verify: Annotated[Verify | None, About("over time: a change must show its effect")] = None
