"""Rules: what is done, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, MaxLen, MinLen, doc

from ..marks import OneOrMany
from ..quantities import Amount, AmountOf, Quantity
from .words import WEEK_NS, Duration, Expression, Word


@dataclass(frozen=True, kw_only=True)
class Verify:
    """What must be true some time after a change."""

    after: Annotated[Amount, AmountOf(("count", "duration")), doc("so many items or so long after it")]
    that: Annotated[Expression, doc("a condition")]
    else_: Annotated[Literal["undo", "alarm"], doc("what happens where it is not true")] = "alarm"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule: for each item (`each`), over time, or on a schedule (`every`)."""

    do: Annotated[
        Annotated[tuple[Expression, ...], OneOrMany(), MinLen(1), MaxLen(20)],
        doc("one act or a list of them: OUTPUT.VERB(...)"),
    ]
    when: Annotated[Expression | None, doc("the condition; over time it acts when it becomes true")] = None
    each: Annotated[Word | None, doc("the item kind that it runs once for")] = None
    after: Annotated[
        Expression | None,
        doc(
            "an item's rule that waits: OUTPUT.diverted or OUTPUT.passed of one that moves, ITEM.VERDICT or "
            "ITEM.undecided of one that stands"
        ),
    ] = None
    verdict: Annotated[
        Word | None, doc("a true condition decides an item that stands, with this word; the first rule wins")
    ] = None
    else_: Annotated[
        Literal["divert", "hold"] | None,
        doc("of a part: what happens to it where the condition is false, unknown or too late"),
    ] = None
    for_: Annotated[Duration | None, doc("over time: how long it must have been true without a break")] = None
    every: Annotated[
        Annotated[int, Quantity("duration"), Ge(100_000_000), Le(WEEK_NS)] | None,
        doc("on a schedule: it acts this often, where its condition holds"),
    ] = None
    after_gap: Annotated[
        Literal["start_over", "keep", "fire_if_elapsed"],
        doc("of `for` and `every`: time without a running daemon begins anew, is not counted, or is counted"),
    ] = "start_over"
    cooldown: Annotated[
        Annotated[int, Quantity("duration"), Ge(0), Le(WEEK_NS)], doc("over time: so long it does not act again")
    ] = 0
    verify: Annotated[Verify | None, doc("over time: a change must show its effect")] = None
