"""What a controller reports of itself, as positions and readings of the pipeline's inputs."""

from __future__ import annotations

import math
from typing import Final

from ripieno.contracts.driver import Context
from ripieno.values import Health, Position, Reading

from .answers import Answer
from .settings import GcodeSettings

_TEMPERATURES: Final = frozenset({"T", "B", "T0", "T1"})


class Reports:
    """Collects the letters of one round of reports, then publishes every input."""

    def __init__(self, context: Context, settings: GcodeSettings) -> None:
        self._context = context
        self._axes = {one.name: one.settings.axis for one in context.points if one.kind == "position"}
        self._readings = {one.name: one.settings for one in context.points if one.kind == "reading"}
        letters = {*self._axes.values()} | {
            letter for one in self._readings.values() for letter in one.reports.values()
        }
        self.marlin_asks = (["M114"] if letters - _TEMPERATURES else []) + (["M105"] if letters & _TEMPERATURES else [])
        self.are_wanted = bool(letters)
        self.is_expecting = False
        self._found: dict[str, float] = {}
        self._asked_ns = 0
        self._session = 0
        self._said = ""

    def begin(self) -> None:
        """A new session: positions have another epoch, for a reset may have moved their zero."""
        self._session += 1

    def expect(self) -> None:
        """A round begins: what is not reported in it is missing."""
        self._found.clear()
        self.is_expecting = True
        self._asked_ns = self._context.clock.monotonic_ns()

    def take(self, answer: Answer) -> None:
        """Take a report, asked for or not."""
        self._found |= answer.report
        self.is_expecting = False

    def publish(self) -> None:
        """Hand out what this round told."""
        arrived_ns = self._context.clock.monotonic_ns()
        at_ns = (self._asked_ns + arrived_ns) // 2
        for name, axis in self._axes.items():
            if axis in self._found:
                where_mm = self._found[axis]
                self._context.report(Position(name, where_mm, self._session, 0, at_ns, arrived_ns))
        for name, point in self._readings.items():
            fields = {field: self._found.get(letter, math.nan) for field, letter in point.reports.items()}
            health = Health.GOOD
            for field, value in fields.items():
                low, high = point.ranges[field]
                if math.isnan(value):
                    health = Health.MISSING
                elif not low <= value <= high and health is Health.GOOD:
                    health = Health.OUT_OF_RANGE
            self._context.report(Reading(name, fields, at_ns, arrived_ns, health))

    def say_once(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self._context.say(f"{self._context.device}: {text}")
