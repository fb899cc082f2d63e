"""How far a reading can be trusted. One health for the whole reading: the worst that any field has.

text        health          value
none, empty MISSING         NaN
no number   DAMAGED         NaN
inf, nan    NON_FINITE      as read
implausible OUT_OF_RANGE    as read
the same for stuck_s: FAILED
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from ripieno.values import Health

from .settings import LinesPoint

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,4})?|[+-]?(inf|infinity|nan)", re.IGNORECASE | re.ASCII)
"""Stricter than float(), which takes 1_000 and other alphabets' digits."""


class Judged(NamedTuple):
    """`why` names the field and what came; "" for a good one."""

    fields: Mapping[str, float]
    health: Health
    why: str


class Judge:
    """Judges the readings of one point, one after the other; times in ns of one clock."""

    def __init__(self, point: LinesPoint) -> None:
        self._point = point
        self._last: tuple[float, ...] | None = None
        self._since_ns = 0

    def judge(self, texts: Mapping[str, str | None], at_ns: int) -> Judged:
        """Return the reading's values in the pipeline's units, its health, and why it is not good."""
        values: dict[str, float] = {}
        health, why = Health.GOOD, ""
        for name in self._point.fields:
            values[name], one, text = self._field(name, texts.get(name))
            if one is not Health.GOOD and health is Health.GOOD:
                health, why = one, text
        if health is Health.GOOD and self._is_stuck(tuple(values.values()), at_ns):
            health, why = Health.FAILED, f"the very same numbers for {self._point.stuck_s:g} s"
        return Judged(values, health, why)

    def missing(self) -> Mapping[str, float]:
        """Return the values of a reading that did not come."""
        self._last = None
        return dict.fromkeys(self._point.fields, math.nan)

    def _field(self, name: str, text: str | None) -> tuple[float, Health, str]:
        text = (text or "").strip()
        if not text:
            return math.nan, Health.MISSING, f"{name} is missing"
        if _NUMBER.fullmatch(text) is None:
            return math.nan, Health.DAMAGED, f"{name} is no number: {text[:20]!r}"
        value = float(text) * self._point.scales.get(name, 1.0)
        if not math.isfinite(value):
            return value, Health.NON_FINITE, f"{name} is {text}"
        low, high = self._point.ranges[name]
        if not low <= value <= high:
            unit = self._point.units.get(name, "")
            return value, Health.OUT_OF_RANGE, f"{name} is {value:g} {unit}, plausible is {low:g} to {high:g}"
        return value, Health.GOOD, ""

    def _is_stuck(self, values: tuple[float, ...], at_ns: int) -> bool:
        if values != self._last:
            self._last, self._since_ns = values, at_ns
        return self._point.stuck_s > 0 and at_ns - self._since_ns >= self._point.stuck_s * 1e9
