"""What the engine wants done.

The daemon does it and reports back with an event; the order in the list is the order wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from ripieno.values import Act, Booking, ItemId, Pulse, Setpoint

from .events import Found

Shown = tuple[tuple[str, object], ...]
Operands = tuple[tuple[str, object, object], ...]  # name, value (None: unknown), age in ms (None: it has none)


@dataclass(frozen=True, slots=True)
class Infer:
    """Run `step` on the frame (input, sequence), or on `given`. Answer with ResultSeen, whatever happens.

    `given`: a text or the numbers of a vector; `input` is "" then. `box`: the part of the picture that the model is
    shown: left, top, right, bottom, each in 0..1; None for all of it.
    """

    step: str
    input: str
    sequence: int
    item: ItemId | None
    taken_t: int
    given: str | tuple[float, ...] | None = None
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Look up a record. Answer with RecordSeen, whatever happens."""

    step: str
    item: ItemId
    input: str
    key: str | float
    deadline_ns: int
    cache_ns: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask a person in `role`. Answer with Answered, if somebody does; `due_t`: until then it stays open.

    A result: recorded, and sent. `answers`: what can be said. `show`: what the person sees with it.
    """

    step: str
    item: ItemId
    role: str
    question: str
    answers: tuple[str, ...]
    show: Shown
    due_t: int


@dataclass(frozen=True, slots=True)
class AskEnded:
    """A question is not open any more. `why`: answered, expired or moot (the item was decided without it). A result."""

    step: str
    item: ItemId
    why: str
    answer: str
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class Drop:
    """The frame is not used: foreign (belongs to no item), duplicate or overtaken by a newer one."""

    input: str
    sequence: int
    why: str


@dataclass(frozen=True, slots=True)
class Keep:
    """The frame is not to be forgotten: a step may be shown it later. `Release` follows, whatever happens."""

    input: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Release:
    """One Keep of the frame is over."""

    input: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Fire:
    """Do a pulse at most once. Answer with ActSettled. `note` goes into the durable intent."""

    pulse: Pulse
    note: bytes


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take an act back if it has not begun."""

    act: Act


@dataclass(frozen=True, slots=True)
class Set:
    """Take a new absolute value; idempotent."""

    setpoint: Setpoint


@dataclass(frozen=True, slots=True)
class Book:
    """An effect in a system that dedupes by the act's id. Answer with ActSettled."""

    booking: Booking


@dataclass(frozen=True, slots=True)
class Withheld:
    """A rule wanted `act`, of an output that is out of its hands: it is not done, and never will be. A result.

    `how`: observe, manual or bypass. `fields`: of a booking.
    """

    act: Act
    output: str
    verb: str
    rule: str
    how: str
    fields: Shown = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """An item has its verdict. A result: recorded, and sent to whoever counts.

    `operands`: what the condition saw, each with its age. `key`: what the sender of a standing item calls it.
    `recipe`: under which the item began.
    """

    item: ItemId
    verdict: str
    rule: str
    why: str
    operands: Operands
    picture_digest: str
    model: str
    key: str = ""
    recipe: str = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """The item is over. `way`: where a moving one went, as far as the acts tell (passed, diverted, in-doubt; withheld
    where its act was: others may have let it through); of one that stands, its verdict.
    """

    item: ItemId
    way: str
    why: str


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule over time fired, was verified, or was undone. A result.

    `what` is "withheld: observe" (manual, bypass) where its output is out of its hands: `after` is what it would have
    set.
    """

    rule: str
    what: str
    output: str
    before: float
    after: float
    operands: Operands


@dataclass(frozen=True, slots=True)
class Reported:
    """What a model said, as a result of its own: recorded, and sent to whoever counts. `found` as in ResultSeen.

    `health` is not "good" where it is not known what is in the picture: count 0 means nothing then.
    """

    step: str
    sequence: int
    taken_t: int
    health: str
    why: str
    label: str
    score: float
    count: int
    found: tuple[Found, ...]
    picture_digest: str
    model: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """A person should know. `code` is stable, `text` is a sentence."""

    code: str
    text: str


Effect = Union[
    Infer,
    Look,
    Ask,
    AskEnded,
    Drop,
    Keep,
    Release,
    Fire,
    Withdraw,
    Set,
    Book,
    Withheld,
    Decided,
    Closed,
    Fired,
    Reported,
    Alarm,
]
