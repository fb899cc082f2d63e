"""What may be asked of an output by hand: within what the plan declares of it, as long as the device file allows."""

from __future__ import annotations

import math
from typing import Final

from ripieno.errors import CommandRefused
from ripieno.plan import OutputPlan

from .modes import MOST_OVERRIDES, Modes

SECOND_NS: Final = 1_000_000_000
ROUNDING: Final = 1e-9


class Limits:
    """The limits of one plan. Everything here raises CommandRefused, with what would be allowed."""

    def __init__(self, modes: Modes, longest_ns: int) -> None:
        self._modes, self._longest_ns = modes, longest_ns

    def known(self, output: str) -> OutputPlan:
        """Return an output's plan."""
        plan = self._modes.outputs.get(output)
        if plan is None:
            there = ", ".join(self._modes.outputs) or "none"
            raise CommandRefused(f"there is no output {output[:60]!r}; there are {there}")
        return plan

    def span(self, for_s: float | None) -> int:
        """Return how long an override lasts, in ns."""
        longest_s = self._longest_ns / SECOND_NS
        if for_s is None:
            raise CommandRefused("for how long? say it: --for 10m")
        if not (math.isfinite(for_s) and 0 < for_s <= longest_s):
            limit = f"above 0 and at most {longest_s:g} s, the device file's `longest_override`"
            raise CommandRefused(f"it lasts {limit} (got {for_s:g} s)")
        if len(self._modes.overrides) >= MOST_OVERRIDES:
            raise CommandRefused(f"{MOST_OVERRIDES} outputs are on manual or bypass: give one back first")
        return round(for_s * SECOND_NS)

    def value(self, output: str, what: str, stands: float | None) -> float | None:
        """Return the setpoint that is wanted, None for a pulse output. `stands`: its present value."""
        plan = self._modes.outputs[output]
        if plan.kind == "pulse":
            if what in ("pulse", "off"):
                return None
            raise CommandRefused(f"{output} is a pulse: `pulse` fires one, `off` none (got {what[:40]!r})")
        if what == "off":
            return float(plan.safe)
        try:
            value = float(what)
        except ValueError:
            wanted = f"a number, or `off` for {plan.safe:g}"
            raise CommandRefused(f"{output} is a setpoint: {wanted} (got {what[:40]!r})") from None
        if not plan.low <= value <= plan.high:
            span = f"{plan.low:g} to {plan.high:g} {plan.unit}".rstrip()
            raise CommandRefused(f"{value:g} is outside the range of {output}, {span}")
        if stands is not None and plan.step and abs(value - stands) > plan.step * (1 + ROUNDING):
            step = f"{output} stands at {stands:g} and may change by {plan.step:g} at once"
            raise CommandRefused(f"{step}: go there in steps (got {value:g})")
        return value
