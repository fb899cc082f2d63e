"""What a Link tells whoever runs it. Times are host us, counts are extended to 64 bits."""

from __future__ import annotations

from dataclasses import dataclass

from .messages import EventKind, Welcome


@dataclass(frozen=True, slots=True)
class Up:
    """A session stands: the board has answered a PING under the new token, so its clock is known."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class Down:
    """The session is lost. What was not yet written is forgotten; what was written is answered by a QUERY of the
    next session.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A board answered that is not the one the settings name. Said once for each reason; the link keeps asking,
    slowly.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Synced:
    """The burst of PINGs is done: acts may be scheduled by time."""

    uncertainty_us: int


@dataclass(frozen=True, slots=True)
class Answered:
    """DONE or STATUS. `at_us`, `count`: when and where the output changed; they mean something with status DONE
    only.
    """

    cmd_id: int
    status: int
    args_crc: int
    at_us: int
    count: int


@dataclass(frozen=True, slots=True)
class Sampled:
    """The newest SAMPLE. `position_valid`: the encoder can be believed."""

    at_us: int
    count: int
    edges: int
    position_valid: bool
    inputs: int
    outputs: int
    channels: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """An EVENT of the board; `source`, `number` and `value` as section 2 says for its kind."""

    kind: EventKind
    source: int
    at_us: int
    count: int
    number: int
    value: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """The board confirms an ESTOP."""

    reason: int


@dataclass(frozen=True, slots=True)
class Slowed:
    """The line has become slow, or "": it is as fast as before."""

    why: str


Event = Up | Down | Refused | Synced | Answered | Sampled | Happened | Stopped | Slowed
