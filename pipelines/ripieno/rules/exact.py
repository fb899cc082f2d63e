"""Sums of floats that come and go without an error that grows: a finite float is a whole multiple of a power of two.

What is kept are integers, so what came and went leaves no trace: a sum says what its present terms say, in whatever
order they came. The power of two is as fine as the finest term so far needed; a sum of ordinary readings is an integer
of some 70 bits, one with a denormal has 1,100.
"""

from __future__ import annotations

import math
from typing import Any

from ripieno.values import UNKNOWN


class Whole:
    """Writes floats as multiples of 2**-bits.

    `bits` rises when a finer one comes; who keeps sums shifts them by what `of` returns then.
    """

    __slots__ = ("bits",)

    def __init__(self) -> None:
        self.bits = 0

    def of(self, value: float) -> tuple[int, int]:
        """Return (multiple, by how many bits the scale has just become finer)."""
        numerator, denominator = value.as_integer_ratio()
        finer = denominator.bit_length() - 1 - self.bits
        if finer > 0:
            self.bits += finer
            return numerator, finer
        return numerator << -finer, 0


def ratio(numerator: int, denominator: int) -> Any:
    """Return the float nearest to the quotient; UNKNOWN where it is larger than floats are, or divided by 0."""
    try:
        return numerator / denominator
    except (OverflowError, ZeroDivisionError):
        return UNKNOWN


def between(low: float, high: float, way: float) -> float:
    """Return the float nearest to low + way * (high - low), way in 0..1; no float need hold the difference."""
    (a, b), (c, d), (part, whole) = low.as_integer_ratio(), high.as_integer_ratio(), way.as_integer_ratio()
    return (a * d * (whole - part) + c * b * part) / (b * d * whole)


def root_of_ratio(numerator: int, denominator: int) -> float:
    """Return the float nearest to sqrt(numerator / denominator); numerator >= 0, denominator > 0.

    The integer root has at least 3 bits more than a float; its last bit is set where something was cut off, so that
    the one rounding that follows is right (rounding to odd: Boldo and Melquiond, IEEE Trans. Computers 57(4), 2008).
    """
    if numerator == 0:
        return 0.0
    half = (114 - numerator.bit_length() + denominator.bit_length()) // 2
    if half >= 0:
        numerator <<= 2 * half
    else:
        denominator <<= -2 * half
    root = math.isqrt(numerator // denominator)
    root |= root * root * denominator != numerator
    return root / (1 << half) if half >= 0 else float(root << -half)
