"""What a model is: its file's digest, its labels, what goes in and what comes out.

A `Declaration` is what a person writes in pipeline.yaml; a `ModelSpec` is that joined (joining.py) with what the file
itself says (tensors, digest), which only a worker may look at. Both are plain data, so that they cross a process border
as msgpack and stand in a bundle as JSON.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ripieno.contracts.runtime import Tensor
from ripieno.errors import ModelError

from .takes import Takes, TakesPicture, takes_from_plain, takes_to_plain


class Task(enum.StrEnum):
    """What the outputs mean; `decoding.py` reads them.

    CLASSIFY: one tensor [1, labels] of scores. DETECT: what TFLite_Detection_PostProcess gives, four float tensors:
    boxes [1, n, 4] (top, left, bottom, right in 0..1), classes [1, n] (index of the label), scores [1, n], count [1].
    REGRESS: one tensor [1, n] of real values, each with a name.
    """

    CLASSIFY = "classify"
    DETECT = "detect"
    REGRESS = "regress"


DETECT_OUTPUTS: Final = ("boxes", "classes", "scores", "count")
USUAL_THRESHOLD: Final = 0.5


@dataclass(frozen=True, slots=True)
class Declaration:
    """A model as pipeline.yaml declares it. `file` is relative to the bundle.

    `labels`: () for REGRESS. `order`: for DETECT, which output of the file is what; for REGRESS, the names of the
    values. `threshold`: for DETECT alone, an object with a lower score is none.
    """

    name: str
    file: str
    labels: tuple[str, ...]
    task: Task = Task.CLASSIFY
    takes: Takes = field(default_factory=TakesPicture)
    threshold: float = USUAL_THRESHOLD
    order: tuple[str, ...] = DETECT_OUTPUTS


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model as it is sealed. `digest`: SHA-256 (hex) of the file; `outputs` in the order of the file."""

    name: str
    digest: str
    task: Task
    labels: tuple[str, ...]
    takes: Takes
    input: Tensor
    outputs: tuple[Tensor, ...]
    threshold: float = USUAL_THRESHOLD
    order: tuple[str, ...] = DETECT_OUTPUTS

    def to_plain(self) -> dict[str, Any]:
        """Return dicts, lists, strings and numbers alone; `spec_from_plain` turns them back."""
        plain: dict[str, Any] = {
            "name": self.name,
            "sha256": self.digest,
            "task": str(self.task),
            "labels": list(self.labels),
            "input": takes_to_plain(self.takes),
            "tensors": {"input": tensor_to_plain(self.input)},
        }
        match self.task:
            case Task.CLASSIFY:
                plain["tensors"]["output"] = tensor_to_plain(self.outputs[0])
            case Task.REGRESS:
                plain["tensors"]["output"] = tensor_to_plain(self.outputs[0])
                plain["outputs"] = list(self.order)
            case Task.DETECT:
                plain["tensors"]["outputs"] = [tensor_to_plain(tensor) for tensor in self.outputs]
                plain["threshold"] = self.threshold
                plain["outputs"] = list(self.order)
        return plain


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
        task, tensors = Task(plain["task"]), plain["tensors"]
        outputs = tensors["outputs"] if task is Task.DETECT else [tensors["output"]]
        takes = takes_from_plain(plain["input"])
        if isinstance(takes, TakesPicture) and takes.pixel_range is None:
            raise KeyError("range")
        return ModelSpec(
            name=str(plain["name"]),
            digest=str(plain["sha256"]),
            task=task,
            labels=tuple(str(label) for label in plain["labels"]),
            takes=takes,
            input=tensor_from_plain(tensors["input"]),
            outputs=tuple(map(tensor_from_plain, outputs)),
            threshold=float(plain.get("threshold", USUAL_THRESHOLD)),
            order=tuple(str(role) for role in plain.get("outputs", DETECT_OUTPUTS)),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelError(f"the description of model {plain.get('name', '?')} is not whole: {error!r}") from error


def declaration_from_plain(name: str, plain: Mapping[str, Any]) -> Declaration:
    """Return the declaration under `models: {name: plain}`, which the language reader has checked.

    Raises:
        ModelError: a key is missing or a value is of another kind.
    """
    try:
        task = Task(plain.get("task", "classify"))
        order = plain["outputs"] if task is Task.REGRESS else plain.get("outputs") or DETECT_OUTPUTS
        return Declaration(
            name=name,
            file=str(plain["file"]),
            labels=() if task is Task.REGRESS else tuple(str(label) for label in plain["labels"]),
            task=task,
            takes=takes_from_plain(plain.get("input") or {}),
            threshold=USUAL_THRESHOLD if plain.get("threshold") is None else float(plain["threshold"]),
            order=tuple(str(role) for role in order),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelError(f"models.{name}: not a model declaration: {error!r}") from error
