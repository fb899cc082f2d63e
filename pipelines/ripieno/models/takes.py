"""What a model takes: a picture, a text or numbers, and all that must be known to make its input tensor of it.

Plain data: it crosses a process border as msgpack and stands in a manifest as JSON, under `input`:

    picture   {"colour": ..., "resize": ..., "range": [low, high]}
    text      {"text": "ngrams"}
    numbers   {"vector": [field, ...], "scaling": {field: {"mean": ..., "deviation": ...}}}
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Union

from ripieno.contracts.runtime import Tensor
from ripieno.errors import ModelError

PIXEL_RANGES: Final = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
RANGE_TOLERANCE: Final = 0.1  # of the span; calibration seldom reaches the last pixel value
MAX_BUCKETS: Final = 1 << 20


class Colour(enum.StrEnum):
    """The order of channels that the model was trained on."""

    RGB = "rgb"
    BGR = "bgr"
    GREY = "grey"


class Resize(enum.StrEnum):
    """How a picture comes to the model's size. AREA costs 10 to 37 times LINEAR at a factor that is no integer."""

    LINEAR = "linear"
    AREA = "area"


class Features(enum.StrEnum):
    """How a text becomes numbers: `ngrams.py`."""

    NGRAMS = "ngrams"


@dataclass(frozen=True, slots=True)
class TakesPicture:
    """Input [1, height, width, channels].

    `pixel_range`: the real values of pixel 0 and pixel 255; None (before sealing): the usual one that fits the tensor.
    """

    colour: Colour = Colour.RGB
    resize: Resize = Resize.LINEAR
    pixel_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class TakesText:
    """Input [1, buckets], each feature in 0..1; as many buckets as the tensor has."""

    features: Features = Features.NGRAMS


@dataclass(frozen=True, slots=True)
class TakesNumbers:
    """Input [1, fields]; each number is (number - mean) / deviation, then a level of the tensor.

    `means` and `deviations` are in the order of `fields`; 0 and 1 where none is declared.
    """

    fields: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]


Takes = Union[TakesPicture, TakesText, TakesNumbers]


def fitted(takes: Takes, tensor: Tensor, where: str) -> Takes:
    """Return `takes` for the input tensor that the file has, nothing left open.

    Raises:
        ModelError: the tensor cannot hold it; begins with `where`.
    """
    match takes:
        case TakesPicture():
            return _fitted_picture(takes, tensor, where)
        case TakesText():
            _check_row(tensor, None, "for `input: {text: ...}`", where)
            low, high = real_range(tensor) if tensor.dtype != "float32" else (0.0, 1.0)
            if low > tensor.scale / 2 or high <= 0:
                raise ModelError(
                    f"{where}: the input tensor holds {low:.4g} to {high:.4g}; features of a text are in 0 to 1"
                )
        case TakesNumbers(fields):
            _check_row(tensor, len(fields), f"for {len(fields)} fields ({_some(fields)})", where)
    return takes


def takes_to_plain(takes: Takes) -> dict[str, Any]:
    """Return what stands under `input` in a manifest."""
    match takes:
        case TakesPicture(colour, resize, pixel_range):
            return {"colour": str(colour), "resize": str(resize), "range": list(pixel_range or ())}
        case TakesText(features):
            return {"text": str(features)}
        case TakesNumbers(fields, means, deviations):
            rows = zip(fields, means, deviations, strict=True)
            return {
                "vector": list(fields),
                "scaling": {field: {"mean": mean, "deviation": deviation} for field, mean, deviation in rows},
            }


def takes_from_plain(plain: Mapping[str, Any]) -> Takes:
    """Return what `takes_to_plain` gave, or what a pipeline file has under `input`, with its defaults.

    Raises:
        KeyError, TypeError, ValueError: it is neither.
    """
    if plain.get("text") is not None:
        return TakesText(Features(plain["text"]))
    if plain.get("vector") is not None:
        return _numbers(tuple(map(str, plain["vector"])), plain.get("scaling") or {})
    span = plain.get("range")
    return TakesPicture(
        Colour(plain.get("colour", "rgb")),
        Resize(plain.get("resize", "linear")),
        (float(span[0]), float(span[1])) if span else None,
    )


def named(takes: Takes) -> str:
    """Return what it takes, as a message says it."""
    match takes:
        case TakesPicture():
            return "a picture"
        case TakesText():
            return "a text"
        case TakesNumbers(fields):
            return f"{len(fields)} numbers"


def real_range(tensor: Tensor) -> tuple[float, float]:
    """Return the lowest and highest real value that an 8-bit tensor can hold."""
    first = -128 if tensor.dtype == "int8" else 0
    return tensor.scale * (first - tensor.zero_point), tensor.scale * (first + 255 - tensor.zero_point)


def usual_range(tensor: Tensor) -> tuple[float, float] | None:
    """Return the usual pixel range that fits the tensor; 0..1 for float tensors; None when none fits."""
    if tensor.dtype == "float32":
        return PIXEL_RANGES[0]
    low, high = real_range(tensor)
    for start, end in PIXEL_RANGES:
        if max(abs(low - start), abs(high - end)) <= RANGE_TOLERANCE * (end - start):
            return start, end
    return None


def _numbers(fields: tuple[str, ...], scaling: Mapping[str, Any]) -> TakesNumbers:
    if not fields or len(set(fields)) != len(fields):
        raise ValueError("vector must name each field once")
    stray = sorted(set(scaling) - set(fields))
    if stray:
        raise ValueError(f"scaling of {stray[0]}, which is no field of the vector")
    rows = [scaling.get(field) or {} for field in fields]
    means = tuple(float(row.get("mean", 0.0)) for row in rows)
    deviations = tuple(float(row.get("deviation", 1.0)) for row in rows)
    if not all(map(math.isfinite, (*means, *deviations))) or min(deviations) <= 0:
        raise ValueError("a mean must be finite, a deviation above 0")
    return TakesNumbers(fields, means, deviations)


def _fitted_picture(takes: TakesPicture, tensor: Tensor, where: str) -> TakesPicture:
    wanted = 1 if takes.colour is Colour.GREY else 3
    if len(tensor.shape) != 4 or tensor.shape[0] != 1 or tensor.shape[3] != wanted or min(tensor.shape) < 1:
        raise ModelError(
            f"{where}: expected an input of shape [1, height, width, {wanted}] for colour {takes.colour}, "
            f"got {list(tensor.shape)}"
        )
    span = takes.pixel_range or usual_range(tensor)
    if span is None:
        low, high = real_range(tensor)
        raise ModelError(
            f"{where}: the input tensor holds {low:.4g} to {high:.4g}, none of the usual pixel ranges "
            "(0 to 1, -1 to 1, 0 to 255): say `input: {range: [LOW, HIGH]}`"
        )
    return replace(takes, pixel_range=span)


def _check_row(tensor: Tensor, size: int | None, what: str, where: str) -> None:
    """Refuse a tensor that is not one row of `size` numbers (None: of any number up to MAX_BUCKETS)."""
    good = len(tensor.shape) == 2 and tensor.shape[0] == 1 and 1 <= tensor.shape[1] <= MAX_BUCKETS
    if not good or size not in (None, tensor.shape[1]):
        raise ModelError(
            f"{where}: expected an input of shape [1, {'n' if size is None else size}] {what}, got {list(tensor.shape)}"
        )


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
