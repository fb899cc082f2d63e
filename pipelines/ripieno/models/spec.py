"""What a model is: its file's digest, its labels, what goes in and what comes out.

A `Declaration` is what a person writes in pipeline.yaml; a `ModelSpec` is that joined with what the file itself says
(tensors, digest), which only a worker may look at. Both are plain data, so that they cross a process border as msgpack
and stand in a bundle as JSON.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ripieno.contracts.runtime import Tensor
from ripieno.errors import ModelError

INPUT_DTYPES: Final = ("int8", "uint8", "float32")
PIXEL_RANGES: Final = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))
RANGE_TOLERANCE: Final = 0.1  # of the span; calibration seldom reaches the last pixel value


class Task(enum.StrEnum):
    """What the outputs mean; `decoding.py` reads them.

    CLASSIFY: one tensor [1, labels] of scores. DETECT: what TFLite_Detection_PostProcess gives, four float tensors:
    boxes [1, n, 4] (top, left, bottom, right in 0..1), classes [1, n] (index of the label), scores [1, n], count [1].
    """

    CLASSIFY = "classify"
    DETECT = "detect"


DETECT_OUTPUTS: Final = ("boxes", "classes", "scores", "count")
USUAL_THRESHOLD: Final = 0.5


class Colour(enum.StrEnum):
    """The order of channels that the model was trained on."""

    RGB = "rgb"
    BGR = "bgr"
    GREY = "grey"


class Resize(enum.StrEnum):
    """How a picture comes to the model's size. AREA costs 10 to 37 times LINEAR at a factor that is no integer."""

    LINEAR = "linear"
    AREA = "area"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A model as pipeline.yaml declares it. `file` is relative to the bundle.

    `pixel_range`: the real values of pixel 0 and pixel 255; None: the usual one that fits the input tensor is sealed.
    For DETECT alone: `threshold`: an object with a lower score is none; `order`: which output of the file is what.
    """

    name: str
    file: str
    labels: tuple[str, ...]
    task: Task = Task.CLASSIFY
    colour: Colour = Colour.RGB
    resize: Resize = Resize.LINEAR
    pixel_range: tuple[float, float] | None = None
    threshold: float = USUAL_THRESHOLD
    order: tuple[str, ...] = DETECT_OUTPUTS


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as it is sealed.

    `digest`: SHA-256 (hex) of the file; `input` [1, height, width, channels]; `outputs` in the order of the file.
    """

    name: str
    digest: str
    task: Task
    labels: tuple[str, ...]
    colour: Colour
    resize: Resize
    pixel_range: tuple[float, float]
    input: Tensor
    outputs: tuple[Tensor, ...]
    threshold: float = USUAL_THRESHOLD
    order: tuple[str, ...] = DETECT_OUTPUTS

    @property
    def output(self) -> Tensor:
        """The first output: of a classifier, the only one."""
        return self.outputs[0]

    @property
    def height_px(self) -> int:
        return self.input.shape[1]

    @property
    def width_px(self) -> int:
        return self.input.shape[2]

    @property
    def channels(self) -> int:
        return self.input.shape[3]

    def to_plain(self) -> dict[str, Any]:
        """Return dicts, lists, strings and numbers alone; `spec_from_plain` turns them back."""
        plain: dict[str, Any] = {
            "name": self.name,
            "sha256": self.digest,
            "task": str(self.task),
            "labels": list(self.labels),
            "input": {"colour": str(self.colour), "resize": str(self.resize), "range": list(self.pixel_range)},
            "tensors": {"input": tensor_to_plain(self.input)},
        }
        if self.task is Task.CLASSIFY:
            plain["tensors"]["output"] = tensor_to_plain(self.output)
        else:
            plain["tensors"]["outputs"] = [tensor_to_plain(tensor) for tensor in self.outputs]
            plain["threshold"] = self.threshold
            plain["outputs"] = list(self.order)
        return plain


def join(declared: Declaration, digest: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> ModelSpec:
    """Return the spec of a declared model whose file has these tensors.

    Raises:
        ModelError: the file is not what the declaration needs; says what was expected and what came.
    """
    where = f"{declared.file} (model {declared.name})"
    wanted = 1 if declared.colour is Colour.GREY else 3
    count = 1 if declared.task is Task.CLASSIFY else len(DETECT_OUTPUTS)
    if len(inputs) != 1 or len(outputs) != count:
        raise ModelError(
            f"{where}: expected one input and {_number(count)} for task {declared.task}, "
            f"got {len(inputs)} and {len(outputs)}"
        )
    taken = inputs[0]
    if len(taken.shape) != 4 or taken.shape[0] != 1 or taken.shape[3] != wanted or min(taken.shape) < 1:
        raise ModelError(
            f"{where}: expected an input of shape [1, height, width, {wanted}] for colour {declared.colour}, "
            f"got {list(taken.shape)}"
        )
    for tensor in (taken, *outputs):
        if tensor.dtype not in INPUT_DTYPES:
            raise ModelError(
                f"{where}: expected tensors of {', '.join(INPUT_DTYPES)}, got {tensor.name}: {tensor.dtype}"
            )
        if tensor.dtype != "float32" and not tensor.scale > 0:
            raise ModelError(
                f"{where}: expected a scale above 0 for {tensor.name} ({tensor.dtype}), got {tensor.scale}"
            )
    if declared.task is Task.CLASSIFY:
        _check_scores(declared, outputs[0], where)
    else:
        _check_boxes(declared, outputs, where)
    span = declared.pixel_range or usual_range(taken)
    if span is None:
        low, high = real_range(taken)
        raise ModelError(
            f"{where}: the input tensor holds {low:.4g} to {high:.4g}, none of the usual pixel ranges "
            "(0 to 1, -1 to 1, 0 to 255): say `input: {range: [LOW, HIGH]}`"
        )
    return ModelSpec(
        declared.name,
        digest,
        declared.task,
        declared.labels,
        declared.colour,
        declared.resize,
        span,
        taken,
        tuple(outputs),
        declared.threshold,
        declared.order,
    )


def _number(count: int) -> str:
    return "one output" if count == 1 else f"{count} outputs"


def _check_scores(declared: Declaration, given: Tensor, where: str) -> None:
    if given.shape != (1, len(declared.labels)):
        raise ModelError(
            f"{where}: expected an output of shape [1, {len(declared.labels)}] for {len(declared.labels)} labels "
            f"({', '.join(declared.labels[:5])}{', ...' if len(declared.labels) > 5 else ''}), got {list(given.shape)}"
        )


def _check_boxes(declared: Declaration, outputs: Sequence[Tensor], where: str) -> None:
    if sorted(declared.order) != sorted(DETECT_OUTPUTS):
        raise ModelError(
            f"{where}: expected outputs to name {', '.join(DETECT_OUTPUTS)} once each, got {', '.join(declared.order)}"
        )
    by_role = dict(zip(declared.order, outputs, strict=True))
    boxes = by_role["boxes"].shape
    slots = boxes[1] if len(boxes) == 3 else 0
    fits = {"boxes": (1, slots, 4), "classes": (1, slots), "scores": (1, slots), "count": (1,)}
    if not slots or any(by_role[role].shape != shape for role, shape in fits.items()):
        came = ", ".join(f"{role} {list(by_role[role].shape)}" for role in declared.order)
        raise ModelError(
            f"{where}: expected boxes [1, n, 4], classes [1, n], scores [1, n] and count [1] for task detect, "
            f"got {came}; `outputs: [...]` says which output of the file is what"
        )


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


def tensor_to_plain(tensor: Tensor) -> dict[str, Any]:
    """Return a tensor as a plain dict."""
    return {
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "scale": tensor.scale,
        "zero_point": tensor.zero_point,
    }


def tensor_from_plain(plain: Mapping[str, Any]) -> Tensor:
    """Return the tensor that `tensor_to_plain` gave."""
    shape = tuple(int(size) for size in plain["shape"])
    return Tensor(str(plain["name"]), str(plain["dtype"]), shape, float(plain["scale"]), int(plain["zero_point"]))


def spec_from_plain(plain: Mapping[str, Any]) -> ModelSpec:
    """Return the spec that `ModelSpec.to_plain` gave.

    Raises:
        ModelError: a key is missing or a value is of another kind.
    """
    try:
        low, high = plain["input"]["range"]
        task, tensors = Task(plain["task"]), plain["tensors"]
        outputs = [tensors["output"]] if task is Task.CLASSIFY else tensors["outputs"]
        return ModelSpec(
            name=str(plain["name"]),
            digest=str(plain["sha256"]),
            task=task,
            labels=tuple(str(label) for label in plain["labels"]),
            colour=Colour(plain["input"]["colour"]),
            resize=Resize(plain["input"]["resize"]),
            pixel_range=(float(low), float(high)),
            input=tensor_from_plain(tensors["input"]),
            outputs=tuple(map(tensor_from_plain, outputs)),
            threshold=float(plain.get("threshold", USUAL_THRESHOLD)),
            order=tuple(str(role) for role in plain.get("outputs", DETECT_OUTPUTS)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the description of model {plain.get('name', '?')} is not whole: {error!r}") from error


def declaration_from_plain(name: str, plain: Mapping[str, Any]) -> Declaration:
    """Return the declaration under `models: {name: plain}`, which the language reader has checked.

    Raises:
        ModelError: a key is missing or a value is of another kind.
    """
    taken = plain.get("input") or {}
    try:
        span = taken.get("range")
        return Declaration(
            name=name,
            file=str(plain["file"]),
            labels=tuple(str(label) for label in plain["labels"]),
            task=Task(plain.get("task", "classify")),
            colour=Colour(taken.get("colour", "rgb")),
            resize=Resize(taken.get("resize", "linear")),
            pixel_range=(float(span[0]), float(span[1])) if span else None,
            threshold=USUAL_THRESHOLD if plain.get("threshold") is None else float(plain["threshold"]),
            order=tuple(str(role) for role in plain.get("outputs") or DETECT_OUTPUTS),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelError(f"models.{name}: not a model declaration: {error!r}") from error
