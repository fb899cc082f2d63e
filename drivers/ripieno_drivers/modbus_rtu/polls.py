"""Readings of the bus: what is asked for when, what an answer says, and how far it can be trusted."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Final

from ripieno.contracts.driver import Context, Point
from ripieno.values import Health, Reading

from .frames import READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT, Reply, Request, read
from .numbers import WORDS, number_in
from .settings import ModbusPoint

REST_S: Final = (0.0, 0.5, 1.0, 2.0, 5.0)
"""A unit that does not answer is asked this much more rarely, so that it does not take the bus from the others."""


class Poll:
    """One reading input; times in host ns."""

    def __init__(self, point: Point, context: Context) -> None:
        self._context, self._name = context, point.name
        self._point: ModbusPoint = point.settings
        self._first, count = self._point.span
        functions = (READ_COILS, READ_HOLDING) if self._point.table == "holding" else (READ_DISCRETE, READ_INPUT)
        self._is_words = bool(self._point.registers)
        self.request: Request = read(self._point.unit, functions[self._is_words], self._first, count)
        self.due_ns = 0
        self.misses = 0
        self._health: Health | None = None

    def answered(self, reply: Reply, at_ns: int) -> None:
        """Report what was read at `at_ns`."""
        self.misses = 0
        self._next()
        values = self._words(reply.data) if self._is_words else self._bits(reply.data)
        health, why = self._judge(values)
        self._report(values, health, why, at_ns)

    def missed(self, why: str) -> None:
        """The unit did not answer, or refused."""
        self.misses += 1
        self._next()
        now_ns = self._context.clock.monotonic_ns()
        self._report(dict.fromkeys(self._point.fields, math.nan), Health.MISSING, why, now_ns)

    def _next(self) -> None:
        rest_s = self._point.every_s + REST_S[min(self.misses, len(REST_S) - 1)]
        now_ns = self._context.clock.monotonic_ns()
        # On its own beat while it answers; what was missed is not made up for.
        beat_ns = self.due_ns + round(rest_s * 1e9)
        self.due_ns = beat_ns if beat_ns > now_ns else now_ns + round(rest_s * 1e9)

    def _words(self, data: bytes) -> dict[str, float]:
        words, point = struct.unpack(f">{len(data) // 2}H", data), self._point
        values = {}
        for name, address in point.registers.items():
            kind, at = point.types.get(name, "int16"), address - self._first
            number = number_in(words[at : at + WORDS[kind]], kind, point.words)
            values[name] = number * point.scales.get(name, 1.0)
        return values

    def _bits(self, data: bytes) -> dict[str, float]:
        places = {name: address - self._first for name, address in self._point.bits.items()}
        return {name: float(data[at // 8] >> at % 8 & 1) for name, at in places.items()}

    def _judge(self, values: Mapping[str, float]) -> tuple[Health, str]:
        for name, value in values.items():
            if not math.isfinite(value):
                return Health.NON_FINITE, f"{name} is {value}"
            low, high = self._point.ranges.get(name, (-math.inf, math.inf))
            if not low <= value <= high:
                unit = self._point.units.get(name, "")
                return Health.OUT_OF_RANGE, f"{name} is {value:g} {unit}, plausible is {low:g} to {high:g}"
        return Health.GOOD, ""

    def _report(self, values: Mapping[str, float], health: Health, why: str, at_ns: int) -> None:
        if health is not self._health and (health is not Health.GOOD or self._health is not None):
            told = "good again" if health is Health.GOOD else f"{health.value}: {why}"
            self._context.say(f"{self._context.device}: {self._name}: {told}")
        self._health = health
        arrived_ns = self._context.clock.monotonic_ns()
        self._context.report(Reading(self._name, values, at_ns, arrived_ns, health))
