"""The acts that a soak asks for, and what the machine may do because of each."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from ripieno.contracts.driver import Point
from ripieno.values import Act, Pulse, Setpoint, Trigger
from ripieno_drivers.link import LinkPoint
from ripieno_sim.plant.belt import COUNTS_PER_MM

from .mixes import Mix

CLOCK_LIMIT_MS: Final = 10.0
CLOCK_SLACK_US: Final = 10_500
"""The points' limit, and what a clock that is 200 ppm off drifts over 16 PINGs."""
POINTS: Final = (
    Point("gate", "pulse", LinkPoint(channel=0, clock_limit_ms=CLOCK_LIMIT_MS)),
    Point("flow", "setpoint", LinkPoint(channel=1, scale=100)),
    Point("eye", "edge", LinkPoint(input=0)),
    Point("belt", "position", LinkPoint()),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """An act, when it was asked for, and the belt's count at which the board's own count was 0 then."""

    pulse: Pulse
    at_us: int
    base: int


def draw_pulse(draw: random.Random, index: int, mix: Mix, now_ns: int, count: int) -> Pulse:
    """Return the next act: now, a little ahead, or already late."""
    trigger = draw.choice(mix.triggers)
    begin, late = 0.0, draw.choice((0.01, 0.05, 0.2))
    if trigger is Trigger.TIME:
        begin = now_ns + draw.uniform(-0.02, mix.ahead_s) * 1e9
    elif trigger is Trigger.POSITION:
        begin = count / COUNTS_PER_MM + draw.uniform(-5, 500 * mix.ahead_s)
        late *= 100
    hold_s = draw.choice((0.005, 0.01, 0.02, 0.2, 1.0))
    return Pulse(Act(f"part-{index}", "gate", 0), "gate", 1.0, trigger, begin, late, hold_s, draw.choice((0.0, 2.0)))


def draw_setpoint(draw: random.Random) -> Setpoint:
    """Return a value for the flow under a lease."""
    return Setpoint("flow", draw.uniform(80.0, 120.0), draw.choice((0.3, 1.0, 3.0)))


def strays_us(asked: Asked, start_ns: int, t_us: int) -> float:
    """Return by how many us an act by time happened outside its window; 0: within."""
    begin_us = (asked.pulse.begin - start_ns) / 1000
    late_us = asked.pulse.late * 1e6
    return max(begin_us - CLOCK_SLACK_US - t_us, t_us - begin_us - late_us - CLOCK_SLACK_US, 0.0)


def strays_counts(asked: Asked, count: int) -> float:
    """Return by how many counts an act by position happened outside its window; 0: within."""
    begin = asked.pulse.begin * COUNTS_PER_MM
    where = count - asked.base
    return max(begin - 1 - where, where - begin - asked.pulse.late * COUNTS_PER_MM - 1, 0.0)
