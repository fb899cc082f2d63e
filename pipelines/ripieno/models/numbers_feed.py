"""From numbers to the input tensor: (number - mean) / deviation of its field, then the nearest level.

A number beyond what an 8-bit tensor holds becomes its first or last level, as a sensor at the end of its range does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ripieno.contracts.runtime import Tensor
from ripieno.values import Health

from .feeding import Unreadable
from .quantisation import quantise
from .takes import TakesNumbers

FLOAT_BYTES = 8


class NumbersFeed:
    """See feeding.Feed. `tensor` has shape (1, fields)."""

    def __init__(self, takes: TakesNumbers, tensor: Tensor) -> None:
        self._fields, self._tensor = takes.fields, tensor
        self._means, self._deviations = np.array(takes.means), np.array(takes.deviations)
        self._levels: NDArray[Any] = quantise(np.zeros(len(takes.fields)), tensor)

    def take(self, given: bytes) -> None:
        """Read little-endian float64 numbers in the order of the fields. Raises Unreadable."""
        wanted = len(self._fields)
        if len(given) != FLOAT_BYTES * wanted:
            raise Unreadable(
                Health.WRONG_SIZE, f"expected {wanted} numbers, got {len(given) / FLOAT_BYTES:g} ({len(given)} bytes)"
            )
        numbers = np.frombuffer(given, "<f8")
        bad = np.flatnonzero(~np.isfinite(numbers))
        if len(bad):
            more = f", and {len(bad) - 1} more" if len(bad) > 1 else ""
            raise Unreadable(Health.NON_FINITE, f"{self._fields[bad[0]]} is {numbers[bad[0]]}{more}")
        with np.errstate(over="ignore"):  # beyond float64 is beyond the last level, too
            self._levels = quantise((numbers - self._means) / self._deviations, self._tensor)

    def take_ramp(self) -> None:
        """Take -2 to 2 deviations, over the fields in turn."""
        self._levels = quantise(np.linspace(-2, 2, len(self._fields)), self._tensor)

    def fill(self, tensor: Any) -> None:
        """Write the levels into a view of the input tensor."""
        tensor[0] = self._levels
