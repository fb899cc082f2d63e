"""How alarms reach people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MaxLen, doc

from ..quantities import Quantity
from .words import MINUTE_NS, WEEK_NS, Word

Severity = Literal["low", "medium", "high"]


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A way on which alarms reach people. Its other keys are those of an output of the device's driver."""

    device: Annotated[Word, doc("a name under devices: a board for a lamp or horn, a device of its own for messages")]
    severity: Annotated[Severity, doc("alarms below it are not told here")] = "low"
    repeat_after: Annotated[
        Annotated[int, Quantity("duration"), Ge(MINUTE_NS), Le(WEEK_NS)] | None,
        doc("messages: one that nobody has acknowledged is told again after so long; empty: never"),
    ] = None
    shows: Annotated[
        Literal["unacknowledged", "active", "well"],
        doc("a lamp: on while such an alarm is unacknowledged, or active (acknowledged or not); well: while none is"),
    ] = "unacknowledged"


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """Which alarms there are and how urgent they are, is on the page about running the daemon."""

    channels: Annotated[Mapping[str, Any], MaxLen(20), doc("lamps, horns and messages, by name")] = field(
        default_factory=dict
    )
    severity: Annotated[
        Mapping[Annotated[str, MaxLen(200)], Severity],
        MaxLen(200),
        doc("an alarm's code, or code/subject: how urgent, where another than the usual severity is wanted"),
    ] = field(default_factory=dict)
    latch: Annotated[
        bool, doc("an alarm that has returned to normal stays on the list until somebody has acknowledged it")
    ] = False
    fleet: Annotated[
        Literal["low", "medium", "high", "none"],
        doc("from which severity on alarms go to the broker, with the results"),
    ] = "low"
