"""Steps: what is found out. The key that says what a step does is its kind: `model`, `map`, `find` ..."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen, doc

from ..marks import OneOrMany
from ..quantities import Quantity
from .words import HOUR_NS, MINUTE_NS, Duration, Entries, Expression, Text, Word

Each = Annotated[Word | None, doc("the item kind that it runs once for; without it, over what streams in")]
EachItem = Annotated[Word | None, doc("the item kind that it runs once for; not inside a workflow")]
When = Annotated[Expression | None, doc("it runs only where this holds; else what it would say is unknown")]
Deadline = Annotated[int, Quantity("duration"), Gt(0), Le(MINUTE_NS)]
Span = Annotated[int, Quantity("duration"), Gt(0), Le(HOUR_NS)]
Named = Annotated[Mapping[str, Expression], MinLen(1), MaxLen(100)]


@dataclass(frozen=True, kw_only=True)
class ModelStep:
    """Asks a model: about frames of `input`, or about values (`of`).

    Fields: `label` and `score` of the best (a detector's `label` is "" where it finds nothing), of a detector `count`
    too, of a classifier `margin`: by how much the score is above the next label's; of `task: regress` the outputs that
    the model names.
    """

    model: Annotated[Word, doc("a model of this file")]
    deadline: Annotated[Deadline, doc("a later answer is unknown")]
    input: Annotated[Word | None, doc("the frame input; for a model of pictures")] = None
    of: Annotated[
        Annotated[tuple[Expression, ...], OneOrMany(), MinLen(1), MaxLen(4_096)] | None,
        doc("a text, or the numbers of the model's vector; for a model of values"),
    ] = None
    each: Each = None
    when: When = None
    at: Annotated[Word | None, doc("the place where the camera sees the item")] = None
    within: Annotated[
        Annotated[float, Quantity("length"), Gt(0), Le(10_000)],
        doc("a frame belongs to the item that is so near the place when it is taken"),
    ] = 10.0
    frames: Annotated[
        Literal["every", "newest"] | None,
        doc("every: each is answered or unknown; newest: what comes meanwhile is passed over. Of items: every"),
    ] = None
    priority: Annotated[Literal["high", "normal", "low"], doc("which workers run it")] = "normal"
    report: Annotated[
        Literal["every", "changes"] | None,
        doc("every answer, or each that changes what is seen, is a result of its own for the fleet"),
    ] = None
    crop: Annotated[Word | None, doc("the detecting step whose best box is shown to the model")] = None
    margin: Annotated[
        Annotated[float, Quantity("percentage"), Ge(0), Le(1)] | None, doc("the box is wider by so much on each side")
    ] = None
    tiles: Annotated[
        tuple[Annotated[int, Ge(1), Le(16)], Annotated[int, Ge(1), Le(16)]] | None,
        doc("[columns, rows] that the frame is cut into; the answers are merged"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class MapStep:
    """Makes values of values. Fields: those that `map` names."""

    map: Annotated[Named, doc("name -> expression")]
    each: Each = None
    when: When = None


@dataclass(frozen=True, kw_only=True)
class Words:
    """One of some words."""

    word: Annotated[
        tuple[Text, ...], MinLen(1), MaxLen(1_000), doc("the words; a text of them is found, whatever its case")
    ]


FIND_KINDS = ("money", "number", "date", "digits")


@dataclass(frozen=True, kw_only=True)
class FindStep:
    """Looks for things in a text. Fields: those that `find` names; what is not there is unknown."""

    find: Annotated[
        Mapping[str, Any],
        MinLen(1),
        MaxLen(50),
        Entries(Words, short=Text),
        doc('name -> money, number, date, digits, "digits 8..12", or {word: [...]}'),
    ]
    in_: Annotated[Expression, doc("the text")]
    each: EachItem = None
    when: When = None


@dataclass(frozen=True, kw_only=True)
class RouteStep:
    """Takes one of several branches: the first whose condition is true. Field: `branch`, its name."""

    route: Annotated[
        Mapping[str, Expression], MinLen(2), MaxLen(50), doc("branch -> condition; the last one is `true`")
    ]
    unknown: Annotated[Word, doc("the branch where the condition of one before it is unknown")]
    each: EachItem = None
    when: When = None


@dataclass(frozen=True, kw_only=True)
class AgreeStep:
    """Asks whether independent values agree. Fields: `agreed`, unknown where too few do, and `votes`."""

    agree: Annotated[tuple[Expression, ...], MinLen(2), MaxLen(50), doc("the values, all of one type")]
    at_least: Annotated[int, Ge(2), Le(50), doc("how many must say the same: more than half")]
    tolerance: Annotated[
        Annotated[float, Ge(0)] | None, doc("numbers agree within it, and `agreed` is their median")
    ] = None
    each: Each = None
    when: When = None


@dataclass(frozen=True, kw_only=True)
class LookupStep:
    """Looks up a record. Fields: those of the record input, and `found`: no record is an answer."""

    lookup: Annotated[Word, doc("the record input")]
    by: Annotated[Expression, doc("the key: a text or a number")]
    deadline: Annotated[Deadline, doc("without an answer by then it is unknown")]
    each: EachItem = None
    cache: Annotated[
        Annotated[int, Quantity("duration"), Ge(0), Le(24 * HOUR_NS)], doc("an answer so young is used again")
    ] = 0
    when: When = None


@dataclass(frozen=True, kw_only=True)
class AskStep:
    """Asks a person. Fields: `answer`, `by` (who) and `note` (what else they said)."""

    ask: Annotated[Text, doc("the question")]
    role: Annotated[Word, doc("who may answer")]
    answers: Annotated[
        tuple[Annotated[str, MinLen(1), MaxLen(100)], ...], MinLen(2), MaxLen(50), doc("what can be said")
    ]
    within: Annotated[Duration, doc("after so long the answer is `no_answer`")]
    each: EachItem = None
    show: Annotated[
        Mapping[str, Expression], MaxLen(50), doc("name -> value: what the person sees with the question")
    ] = field(default_factory=dict)
    no_answer: Annotated[
        Annotated[str, MinLen(1), MaxLen(100)] | None, doc("one of the answers; without it, unknown")
    ] = None
    after_gap: Annotated[
        Literal["start_over", "keep", "fire_if_elapsed"],
        doc("time without a running daemon: waited anew, not counted, or counted"),
    ] = "keep"
    when: When = None


@dataclass(frozen=True, kw_only=True)
class WindowStep:
    """Features of a sensor over a window of time. Fields: those that `features` names."""

    window: Annotated[Word, doc("the reading input")]
    last: Annotated[Duration, doc("how long the window is")]
    every: Annotated[
        Annotated[int, Quantity("duration"), Ge(10_000_000), Le(HOUR_NS)], doc("how often there is a new set")
    ]
    features: Annotated[Mapping[str, Text], MinLen(1), MaxLen(100), doc("name -> function(field): rms(load)")]
    min: Annotated[int, Ge(1), Le(1_000_000), doc("with fewer good readings the features are unknown")] = 1


@dataclass(frozen=True, kw_only=True)
class JoinStep:
    """Brings together values of streams that belong together. Fields: those that `join` names.

    One of `nearest` (in time), `latest` (not younger than the base) and `all_of` (one new value of each) says how.
    """

    join: Annotated[Mapping[str, Text], MinLen(1), MaxLen(100), doc("name -> NAME.FIELD of an input or a step")]
    with_: Annotated[Word, doc("the base: the input or step each of whose values makes a joined one")]
    nearest: Annotated[Span | None, doc("the nearest value in time, so far away at most")] = None
    latest: Annotated[Span | None, doc("the newest value that is not younger than the base's, and so old at most")] = (
        None
    )
    all_of: Annotated[Span | None, doc("one new value of each, all within so long")] = None
    wait: Annotated[
        Annotated[int, Quantity("duration"), Ge(0), Le(MINUTE_NS)] | None,
        doc("so long a nearer value may still come"),
    ] = None
    each: Each = None
    when: When = None


@dataclass(frozen=True, kw_only=True)
class WorkflowStep:
    """Runs the steps of a workflow of this file. Fields: those that it gives."""

    workflow: Annotated[Word, doc("its name")]
    given: Annotated[Mapping[str, Expression], MaxLen(100), doc("what it takes -> expression")] = field(
        default_factory=dict
    )
    each: Each = None
    when: When = None


STEPS: dict[str, type] = {
    "model": ModelStep,
    "map": MapStep,
    "find": FindStep,
    "route": RouteStep,
    "agree": AgreeStep,
    "lookup": LookupStep,
    "ask": AskStep,
    "window": WindowStep,
    "join": JoinStep,
    "workflow": WorkflowStep,
}
