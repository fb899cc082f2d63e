"""Steps that no model answers: what is computed, looked up, or asked of a person.

Every one has a name that expressions use, and fields behind it. `each`: the item kind that it runs once for, "" for
a step over streams. `when`: it runs only where this holds, None for always; an item's step that does not run is
answered as unknown. `needs`: steps that must have answered before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from .expressions import Expression, Operand

Fields = tuple[tuple[str, Expression], ...]


@dataclass(frozen=True, slots=True)
class MapStep:
    """Values made from values: `fields` name -> expression."""

    name: str
    each: str
    when: Expression | None
    needs: tuple[str, ...]
    fields: Fields


@dataclass(frozen=True, slots=True)
class Find:
    """What is looked for in a text.

    Attributes:
        kind: money (number), number, date (text, YYYY-MM-DD), digits (text) or word (text, one of `words`).
        least, most: how many digits, for digits.
    """

    field: str
    kind: str
    least: int = 0
    most: int = 0
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FindStep:
    """The first of each of `finds` in `text`; what is not there is unknown."""

    name: str
    each: str
    when: Expression | None
    needs: tuple[str, ...]
    text: Expression
    finds: tuple[Find, ...]


@dataclass(frozen=True, slots=True)
class RouteStep:
    """Field `branch`: the first whose condition is true. `unknown`: the branch where one before it is unknown."""

    name: str
    each: str
    when: Expression | None
    needs: tuple[str, ...]
    branches: Fields
    unknown: str


@dataclass(frozen=True, slots=True)
class AgreeStep:
    """Fields `agreed`, `votes`: what at least so many of the independent values `of` say; unknown where they do not.

    `tolerance`: numbers agree within it, and `agreed` is the median of those; 0 for texts and truth values.
    """

    name: str
    each: str
    when: Expression | None
    needs: tuple[str, ...]
    of: tuple[Expression, ...]
    at_least: int
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class LookupStep:
    """A record of `input` under `key`: its fields, and `found`. No record is an answer; no answer is unknown."""

    name: str
    each: str
    when: Expression | None
    needs: tuple[str, ...]
    input: str
    key: Expression
    deadline_ns: int
    cache_ns: int


@dataclass(frozen=True, slots=True)
class AskStep:
    """A question to a person in a role: fields `answer` (one of `answers`), `by` and `note`.

    Attributes:
        show: what the person sees with the question.
        within_ns, no_answer: after so long the answer is `no_answer`, unknown where that is "".
        after_gap: start_over, keep or fire_if_elapsed: whether time without a running daemon counts.
    """

    name: str
    each: str
    when: Expression | None
    needs: tuple[str, ...]
    role: str
    question: str
    answers: tuple[str, ...]
    show: Fields
    within_ns: int
    no_answer: str
    after_gap: str


@dataclass(frozen=True, slots=True)
class Feature:
    """`function` (last, mean, min, max, range, deviation, rms, slope) of a reading's `field` over the window."""

    name: str
    function: str
    field: str


@dataclass(frozen=True, slots=True)
class WindowStep:
    """Features of a reading over `last_ns`, a new set every `every_ns`; unknown with fewer than `min_samples`."""

    name: str
    input: str
    last_ns: int
    every_ns: int
    min_samples: int
    features: tuple[Feature, ...]
    each: str = ""
    when: Expression | None = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JoinStep:
    """Values of streams that belong together, under new names.

    Attributes:
        base: the stream (an input or a step) each of whose values makes a joined one.
        policy: nearest (in time, within `within_ns` of the base's), latest (not younger than the base's and not older
            by more than `within_ns`) or all_of (one new value of each, within `within_ns` of one another).
        wait_ns: so long a nearest value may still come.
        fields: name -> what it is of base and others.
    """

    name: str
    each: str
    base: str
    others: tuple[str, ...]
    policy: str
    within_ns: int
    wait_ns: int
    fields: tuple[tuple[str, Operand], ...]
    when: Expression | None = None
    needs: tuple[str, ...] = ()


FlowStep = Union[MapStep, FindStep, RouteStep, AgreeStep, LookupStep, AskStep, WindowStep, JoinStep]
