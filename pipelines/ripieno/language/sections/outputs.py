"""Outputs: what rules act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt, Le, MaxLen, doc

from ..quantities import Quantity
from .words import HOUR_NS, MINUTE_NS, Length, Word


@dataclass(frozen=True, kw_only=True)
class PulseOutput:
    """One physical act at a time, done at most once. A part on a belt is let through by one: `gate.open(part)`."""

    kind: Literal["pulse"]
    safe: Annotated[Word, doc("a word for what the output does without power")]
    hold: Annotated[
        Annotated[int, Quantity("duration"), Gt(0), Le(MINUTE_NS)], doc("the device ends a pulse after that long")
    ]
    before: Annotated[Length, doc("it begins so far before the item reaches the output's place")] = 0.0
    after: Annotated[Length, doc("it ends so far behind that place")] = 0.0
    late: Annotated[Length, doc("it may begin so much later than planned")] = 0.0


@dataclass(frozen=True, kw_only=True)
class SetpointOutput:
    """A value under a lease: `flow.change(-5)`, `flow.set(100)`. All numbers are in `unit`."""

    kind: Literal["setpoint"]
    range: Annotated[tuple[float, float], doc("[low, high]; never set outside it")]
    step: Annotated[Annotated[float, Gt(0)], doc("the largest change that one act may make")]
    safe: Annotated[float, doc("the value without a healthy pipeline")]
    lease: Annotated[
        Annotated[int, Quantity("duration"), Gt(0), Le(HOUR_NS)],
        doc("not renewed for so long, the device takes the safe value"),
    ]
    unit: Annotated[Annotated[str, MaxLen(20)], doc("what the numbers are in")] = ""


@dataclass(frozen=True, kw_only=True)
class BookingOutput:
    """An entry in a system that takes each id once: `stock.scrap(part, reason=look.label)`."""

    kind: Literal["booking"]


@dataclass(frozen=True, kw_only=True)
class MessageOutput:
    """A message to somebody: a reply, a task, a note: `reply.send(question, text="...")`. Each is sent under one id."""

    kind: Literal["message"]


@dataclass(frozen=True, kw_only=True)
class ReportOutput:
    """A document that is written or sent: `letter.write(share=...)`. Each has one id."""

    kind: Literal["report"]


OUTPUTS: dict[str, type] = {
    "pulse": PulseOutput,
    "setpoint": SetpointOutput,
    "booking": BookingOutput,
    "message": MessageOutput,
    "report": ReportOutput,
}
EFFECTS = (BookingOutput, MessageOutput, ReportOutput)
