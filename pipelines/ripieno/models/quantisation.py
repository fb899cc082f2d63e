"""Real values to levels and back: level = round(real / scale) + zero_point (TFLite 8-bit quantization specification).

Division, rounding half to even and clipping are exact in IEEE 754: the same levels on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ripieno.contracts.runtime import Tensor


def quantise(real: NDArray[np.float64], tensor: Tensor) -> NDArray[Any]:
    """Return the nearest levels, clipped to what the tensor's dtype holds; real values of float tensors as they are."""
    if tensor.dtype == "float32":
        return real.astype(np.float32)
    first = -128 if tensor.dtype == "int8" else 0
    levels: NDArray[Any] = np.clip(np.rint(real / tensor.scale) + tensor.zero_point, first, first + 255)
    return levels.astype(tensor.dtype)


def dequantise(levels: NDArray[Any], tensor: Tensor) -> NDArray[np.float32]:
    """Return the real values that levels stand for: scale * (level - zero_point); float tensors as they are."""
    if tensor.dtype == "float32":
        return levels.astype(np.float32, copy=False)
    return (np.float32(tensor.scale) * (levels.astype(np.int32) - tensor.zero_point)).astype(np.float32)


def level_table(tensor: Tensor, pixel_range: tuple[float, float]) -> NDArray[Any]:
    """Return the level of each of the 256 pixel values, shape (256,), in the tensor's dtype (float: real values)."""
    low, high = pixel_range
    return quantise(low + np.arange(256) * ((high - low) / 255), tensor)
