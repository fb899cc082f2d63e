"""What the board tells, as arrivals of the pipeline's inputs and as words for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ripieno.contracts.driver import Context, Point
from ripieno.values import DeviceDown, DeviceImpaired, DeviceUp, Edge, Position

from .core import Link
from .events import Happened, Sampled
from .messages import POSITION_VALID, EventKind

POSITION_US: Final = 95_000
"""Positions go to the engine every 100 ms; SAMPLEs come every 20 ms with some jitter."""
_SAFE_CAUSES: Final = {1: "the line was silent", 2: "emergency stop", 3: "the session ended"}
_REFUSALS: Final = {
    1: "not armed",
    2: "value out of range",
    3: "no such channel",
    4: "wrong kind",
    5: "lease out of range",
}
_FAULTS: Final = {1: "receive overrun", 2: "event queue overflowed", 3: "journal entry damaged"}


class Reports:
    """Hands arrivals to the daemon; each change between up and down is said once."""

    def __init__(self, context: Context, counts_per_mm: float) -> None:
        self._context = context
        self._counts_per_mm = counts_per_mm
        self._edges: dict[int, list[str]] = {}
        for point in context.points:
            if point.kind == "edge" and point.settings.input is not None:
                self._edges.setdefault(point.settings.input, []).append(point.name)
        self._positions = _names(context.points, "position")
        self._position_us: int | None = None
        self._down_why: str | None = None
        self._refusal: tuple[int, int] | None = None
        self._armed = 0

    def up(self, epoch: int) -> None:
        if self._down_why is not None:
            self._context.say(f"{self._context.device}: the board answers again")
        self._down_why = None
        self._position_us = None
        self._armed = 0
        self._context.report(DeviceUp(self._context.device, epoch, self._context.clock.monotonic_ns()))

    def down(self, why: str) -> None:
        if why == self._down_why:
            return
        self._down_why = why
        self._context.say(f"{self._context.device}: {why}")
        self._context.report(DeviceDown(self._context.device, why, self._context.clock.monotonic_ns()))

    def impaired(self, code: str, subject: str, why: str) -> None:
        """Tell of what works, and not as it should; "": it does again."""
        self._context.say(f"{self._context.device}: {why or f'{subject or code}: as it should be again'}")
        self._context.report(DeviceImpaired(self._context.device, code, subject, why))

    def sampled(self, sample: Sampled, epoch: int) -> None:
        if not sample.position_valid:
            return
        if self._position_us is not None and sample.at_us - self._position_us < POSITION_US:
            return
        self._position_us = sample.at_us
        arrived_ns = self._context.clock.monotonic_ns()
        at_ns, where_mm = min(sample.at_us * 1000, arrived_ns), sample.count / self._counts_per_mm
        for name in self._positions:
            self._context.report(Position(name, where_mm, epoch, sample.edges, at_ns, arrived_ns))

    def happened(self, event: Happened, link: Link, epoch: int) -> None:
        if event.kind in (EventKind.RISING, EventKind.FALLING):
            arrived_ns = self._context.clock.monotonic_ns()
            where_mm = event.count / self._counts_per_mm if link.state & POSITION_VALID else None
            at_ns, rising = min(event.at_us * 1000, arrived_ns), event.kind is EventKind.RISING
            for name in self._edges.get(event.source, ()):
                self._context.report(Edge(name, rising, epoch, event.number, where_mm, at_ns, arrived_ns))
        elif text := self._words(event):
            self._context.say(f"{self._context.device}: {text}")

    def _words(self, event: Happened) -> str:
        if event.kind is EventKind.ARMED:
            self._refusal = None
            if event.number == self._armed:
                return ""
            self._armed = event.number
            return f"outputs armed, mask {event.number:#06x}"
        if event.kind is EventKind.SAFE:
            self._armed = 0
            return f"outputs went safe: {_SAFE_CAUSES.get(event.source, f'cause {event.source}')}"
        if event.kind is EventKind.ESTOP:
            return "emergency stop, " + ("from the line" if event.source == 1 else "from the board's input")
        if event.kind is EventKind.LAPSED:
            return f"channel {event.source}: the lease lapsed, value {event.value}"
        if event.kind is EventKind.FAULT:
            return f"board fault: {_FAULTS.get(event.source, f'number {event.source}')}, {event.number} in all"
        refusal = (event.source, event.number)
        if event.kind is not EventKind.REFUSED or refusal == self._refusal:
            return ""  # a renewed setpoint is refused again and again; once is enough
        self._refusal = refusal
        return f"channel {event.source}: value {event.value} refused: {_REFUSALS.get(event.number, event.number)}"


def _names(points: Sequence[Point], kind: str) -> list[str]:
    return [point.name for point in points if point.kind == kind]
