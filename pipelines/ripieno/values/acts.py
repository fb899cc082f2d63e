"""What goes out to machines and other systems, and what is known of it afterwards."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple


class Act(NamedTuple):
    """The identity of one act, the same over restarts and reloads: (cause, output, index of the effect).

    `cause`: str(ItemId) for an item's act; "rule@event-id@due" for a timer's.
    """

    cause: str
    output: str
    index: int  # type: ignore[assignment]  # tuple.index is not wanted of an identity

    def __str__(self) -> str:
        return f"{self.cause}/{self.output}/{self.index}"


class Trigger(enum.StrEnum):
    """When a pulse begins."""

    NOW = "now"
    TIME = "time"
    POSITION = "position"


@dataclass(frozen=True, slots=True)
class Pulse:
    """One physical act, executed at most once.

    `begin`: host ns for TIME, mm of belt for POSITION, ignored for NOW. `late`: seconds (TIME, NOW) or mm (POSITION)
    after `begin`
    within which it may still start. `hold_s`: the device ends it after that long at the latest; `span_mm`: with
    POSITION it also ends
    when the belt is that far beyond `begin` (0: only `hold_s` bounds it).
    """

    act: Act
    output: str
    value: float
    trigger: Trigger
    begin: float
    late: float
    hold_s: float
    span_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class Setpoint:
    """An absolute value under a lease: idempotent, renewed by the daemon, lapses to the output's safe value on the
    device.
    """

    output: str
    value: float
    lease_s: float


@dataclass(frozen=True, slots=True)
class Booking:
    """An effect in a system that dedupes by `act`; may be sent again after a crash."""

    act: Act
    output: str
    verb: str
    fields: tuple[tuple[str, object], ...]


class OutcomeKind(enum.StrEnum):
    """EXECUTED and NOT_EXECUTED are certain. IN_DOUBT is resolved by a sensor or a person, never by a retry."""

    EXECUTED = "executed"
    NOT_EXECUTED = "not-executed"
    IN_DOUBT = "in-doubt"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of an act.

    `at_ns`/`position_mm`: when and where it began; `sent_ns`: host ns of its first byte (0: never sent).
    """

    act: Act
    kind: OutcomeKind
    why: str = ""
    at_ns: int = 0
    position_mm: float | None = None
    sent_ns: int = 0
