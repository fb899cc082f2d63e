"""What the engine is told: one value for each thing that happened. The engine knows nothing else.

`t` is the engine's clock in ns: it never goes back, and runs on over restarts. `taken_t`: when the thing happened, on
the same clock.
Nothing here names a file, a port or a process, so that the same plant gives the same events anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from ripieno.values import ItemId

Found = tuple[str, float, float, float, float, float]
Scalar = Union[bool, float, str, None]


@dataclass(frozen=True, slots=True)
class Started:
    """A process began (again). `gap_ns`: how long none was running (0 at the very first start).

    `in_flight`: acts whose intent is durable and whose outcome is not known, with the note that was made durable with
    each.
    """

    t: int
    gap_ns: int
    in_flight: tuple[tuple[str, str, int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed: something that waited for `t` is due."""

    t: int


@dataclass(frozen=True, slots=True)
class EdgeSeen:
    """A digital input rose or fell; see `values.Edge`."""

    t: int
    input: str
    rising: bool
    epoch: int
    number: int
    position_mm: float | None
    taken_t: int


@dataclass(frozen=True, slots=True)
class PositionSeen:
    """The belt is at `position_mm`; `edges` starting edges have been counted under `epoch`."""

    t: int
    input: str
    position_mm: float
    epoch: int
    edges: int
    taken_t: int


@dataclass(frozen=True, slots=True)
class ReadingSeen:
    """A sensor's values in the declared units, in the order of the input's fields; `health` is a `values.Health`."""

    t: int
    input: str
    values: tuple[float, ...]
    taken_t: int
    health: str


@dataclass(frozen=True, slots=True)
class FrameSeen:
    """A picture is ready under (input, sequence).

    `health`: a `values.Health`; one that is not "good" is shown to no model. `still_ns`: for how long the same picture
    has been coming. `key`, `epoch`, `number`: as of a message, where each frame of the input starts an item.
    """

    t: int
    input: str
    sequence: int
    position_mm: float | None
    taken_t: int
    health: str = "good"
    why: str = ""
    still_ns: int = 0
    key: str = ""
    epoch: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class ResultSeen:
    """A model answered, or did not: `health` is not "good" and `label` is "" then.

    `item` is the one the frame was matched to when the call was made, None for free-running frames. `found`: of a
    model that detects, (label, score, left, top, right, bottom) of each object, the best first. `numbers`: of a model
    that gives values, in the order of its outputs.
    """

    t: int
    step: str
    sequence: int
    item: ItemId | None
    taken_t: int
    called_t: int
    health: str
    label: str
    score: float
    why: str
    picture_digest: str
    decode_us: int
    invoke_us: int
    found: tuple[Found, ...] = ()
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ActSettled:
    """The outcome of an act is known: `kind` is a `values.OutcomeKind`.

    `at_t`, `position_mm`: when and where it began; `sent_t`: when the first byte of the command was written; 0 where
    it never was.
    """

    t: int
    cause: str
    output: str
    index: int
    kind: str
    why: str
    at_t: int
    position_mm: float | None
    sent_t: int


@dataclass(frozen=True, slots=True)
class MessageSeen:
    """A message came. `key`: the sender's name for it, so that one told twice counts once.

    `epoch`, `number`: the daemon's own identity of it, never used again. `fields`: as the input declares them, in its
    order; None where the message has none or one of another type.
    """

    t: int
    input: str
    key: str
    epoch: int
    number: int
    fields: tuple[Scalar, ...]
    taken_t: int


@dataclass(frozen=True, slots=True)
class RecordSeen:
    """A lookup was answered, or was not: `health` is not "good" then. `found`: whether there is a record.

    `fields`: as the input declares them, in its order; None for what the record does not hold.
    """

    t: int
    step: str
    item: ItemId
    found: bool
    fields: tuple[Scalar, ...]
    taken_t: int
    health: str
    why: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A person answered the question of `step` about `item`. `by`: who; `note`: what else they said."""

    t: int
    step: str
    item: ItemId
    answer: str
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """A device can be used (`up`) or cannot. `epoch`: of its journal."""

    t: int
    device: str
    up: bool
    epoch: int
    why: str


@dataclass(frozen=True, slots=True)
class OutputTaken:
    """From now on rules do not act on `output`; with `how` "" they do again.

    `how`: observe, manual or bypass. `value`: of a setpoint, where it stands now; None: where it stood.
    """

    t: int
    output: str
    how: str
    value: float | None


@dataclass(frozen=True, slots=True)
class PulseByHand:
    """A person wants one pulse of `output`, which is taken in hand, now. `by`: who."""

    t: int
    output: str
    by: str


@dataclass(frozen=True, slots=True)
class RecipeChosen:
    """Items that begin from now on are of this product. `by`: who says so."""

    t: int
    recipe: str
    by: str


Event = Union[
    Started,
    Tick,
    EdgeSeen,
    PositionSeen,
    ReadingSeen,
    FrameSeen,
    MessageSeen,
    ResultSeen,
    RecordSeen,
    Answered,
    ActSettled,
    DeviceChanged,
    OutputTaken,
    PulseByHand,
    RecipeChosen,
]
