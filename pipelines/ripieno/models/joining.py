"""A declaration joined with what the file says of itself: the one place where the two are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ripieno.contracts.runtime import Tensor
from ripieno.errors import ModelError

from .spec import DETECT_OUTPUTS, Declaration, ModelSpec, Task
from .takes import fitted

DTYPES: Final = ("int8", "uint8", "float32")


def join(declared: Declaration, digest: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> ModelSpec:
    """Return the spec of a declared model whose file has these tensors.

    Raises:
        ModelError: the file is not what the declaration needs; says what was expected and what came.
    """
    where = f"{declared.file} (model {declared.name})"
    count = len(DETECT_OUTPUTS) if declared.task is Task.DETECT else 1
    if len(inputs) != 1 or len(outputs) != count:
        raise ModelError(
            f"{where}: expected one input and {_number(count)} for task {declared.task}, "
            f"got {len(inputs)} and {len(outputs)}"
        )
    for tensor in (inputs[0], *outputs):
        _check_dtype(tensor, where)
    takes = fitted(declared.takes, inputs[0], where)
    match declared.task:
        case Task.CLASSIFY:
            _check_row(outputs[0], declared.labels, "labels", where)
        case Task.REGRESS:
            _check_row(outputs[0], declared.order, "outputs", where)
        case Task.DETECT:
            _check_boxes(declared, outputs, where)
    return ModelSpec(
        declared.name,
        digest,
        declared.task,
        declared.labels,
        takes,
        inputs[0],
        tuple(outputs),
        declared.threshold,
        declared.order,
    )


def _number(count: int) -> str:
    return "one output" if count == 1 else f"{count} outputs"


def _check_dtype(tensor: Tensor, where: str) -> None:
    if tensor.dtype not in DTYPES:
        raise ModelError(f"{where}: expected tensors of {', '.join(DTYPES)}, got {tensor.name}: {tensor.dtype}")
    if tensor.dtype != "float32" and not tensor.scale > 0:
        raise ModelError(f"{where}: expected a scale above 0 for {tensor.name} ({tensor.dtype}), got {tensor.scale}")


def _check_row(given: Tensor, names: Sequence[str], what: str, where: str) -> None:
    if given.shape != (1, len(names)):
        raise ModelError(
            f"{where}: expected an output of shape [1, {len(names)}] for {len(names)} {what} "
            f"({', '.join(names[:5])}{', ...' if len(names) > 5 else ''}), got {list(given.shape)}"
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
