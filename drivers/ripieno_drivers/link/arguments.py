"""A pulse as the board's numbers; docs/link-protocol.md section 2, ACT. What does not fit is said, never bent."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from ripieno.values import Pulse, Setpoint, Trigger

from .core import Link
from .messages import POSITION_VALID, ActArgs, TriggerBits
from .settings import LinkPoint

MAX_CHANNEL: Final = 15
"""`armed` has 16 bits."""
_U16: Final = 0xFFFF
_I32: Final = range(-(1 << 31), 1 << 31)


class Order(NamedTuple):
    """An ACT and when its window closes: at a host time (us), or when the belt's 64-bit count is beyond
    `closes_count`.
    """

    args: ActArgs
    closes_us: int | None
    closes_count: int | None

    def has_closed(self, now_us: int, count: int) -> bool:
        if self.closes_us is not None:
            return now_us > self.closes_us
        return self.closes_count is not None and count > self.closes_count


def order_for(pulse: Pulse, point: LinkPoint, counts_per_mm: float, link: Link, now_us: int) -> Order | str:
    """Return the ACT for a pulse, or why there is none."""
    numbers = (pulse.value, pulse.begin, pulse.late, pulse.hold_s, pulse.span_mm)
    if not all(map(math.isfinite, numbers)):
        return f"a number of the pulse is not finite: {numbers}"
    if point.channel is None or not 0 <= point.channel <= MAX_CHANNEL:
        return f"output {pulse.output} has no channel in 0..{MAX_CHANNEL}"
    value, hold_ms = round(pulse.value * point.scale), round(pulse.hold_s * 1000)
    if value not in _I32:
        return f"value {pulse.value:g} is outside the board's 32 bits at scale {point.scale:g}"
    if not 1 <= hold_ms <= _U16:
        return f"hold {pulse.hold_s:g} s is outside 0.001..65.535 s"
    by_count = pulse.trigger is Trigger.POSITION
    late = int(pulse.late * (counts_per_mm if by_count else 10_000))
    if not 0 <= late <= _U16:
        return f"late {pulse.late:g} {'mm' if by_count else 's'} is outside the board's 0..{_U16} units"
    span = round(pulse.span_mm * counts_per_mm) if by_count else 0
    if not 0 <= span <= _U16:
        return f"span {pulse.span_mm:g} mm is outside the board's 0..{_U16} counts"
    if by_count:
        at = round(pulse.begin * counts_per_mm)
        if not link.state & POSITION_VALID:
            return "the board does not know its position"
        if at - link.count not in _I32:
            return f"position {pulse.begin:g} mm is more than 2^31 counts away"
        args = ActArgs(point.channel, TriggerBits.COUNT, value, at & 0xFFFF_FFFF, late, hold_ms, span)
        return Order(args, None, at + late)
    if pulse.trigger is Trigger.NOW:
        return Order(ActArgs(point.channel, TriggerBits.NOW, value, 0, late, hold_ms, 0), now_us + late * 100, None)
    begin_us = int(pulse.begin) // 1000
    if begin_us - now_us not in _I32:
        return "the time is more than 35 minutes away"
    uncertainty_us = link.clock.uncertainty_at(begin_us)
    if uncertainty_us is None or uncertainty_us > point.clock_limit_ms * 1000:
        known = "not known yet" if uncertainty_us is None else f"uncertain by {uncertainty_us / 1000:.1f} ms"
        return f"the board's clock is {known}; this output allows {point.clock_limit_ms:g} ms"
    at = link.clock.to_board_us(begin_us)
    args = ActArgs(point.channel, TriggerBits.TIME, value, at & 0xFFFF_FFFF, late, hold_ms, 0)
    return Order(args, begin_us + late * 100 + uncertainty_us, None)


def level_for(setpoint: Setpoint, point: LinkPoint) -> tuple[int, int, int] | str:
    """Return (channel, value, lease_ms) of a SET, or why there is none."""
    if point.channel is None or not 0 <= point.channel <= MAX_CHANNEL:
        return f"output {setpoint.output} has no channel in 0..{MAX_CHANNEL}"
    if not (math.isfinite(setpoint.value) and round(setpoint.value * point.scale) in _I32):
        return f"value {setpoint.value:g} is outside the board's 32 bits at scale {point.scale:g}"
    if not (math.isfinite(setpoint.lease_s) and 1 <= round(setpoint.lease_s * 1000) <= _U16):
        return f"lease {setpoint.lease_s:g} s is outside 0.001..65.535 s"
    return point.channel, round(setpoint.value * point.scale), round(setpoint.lease_s * 1000)
