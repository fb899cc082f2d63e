"""A session over the interpreter API that tflite-runtime and LiteRT share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ripieno.contracts.runtime import Tensor
from ripieno.errors import ModelError

# What both were seen to raise at damaged files.
REFUSALS = (ValueError, RuntimeError, TypeError, MemoryError, SystemError, OverflowError)


class InterpreterSession:
    """A loaded model. Details are asked once: each `get_*_details` costs 3 us."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        taken, given = interpreter.get_input_details(), interpreter.get_output_details()
        self.inputs = tuple(map(_tensor, taken))
        self.outputs = tuple(map(_tensor, given))
        self._views = [interpreter.tensor(detail["index"]) for detail in taken]
        self._results = [detail["index"] for detail in given]

    def input(self, index: int = 0) -> Any:
        """A fresh writable view into the model's input tensor; `invoke` refuses to run while one is held."""
        return self._views[index]()

    def invoke(self) -> None:
        try:
            self._interpreter.invoke()
        except REFUSALS as error:
            raise ModelError(f"the runtime refused to run the model: {_sentence(error)}") from error

    def output(self, index: int = 0) -> Any:
        """A copy of an output tensor."""
        return self._interpreter.get_tensor(self._results[index])


def open_session(make: Callable[..., Any], model: bytes, threads: int, runtime: str) -> InterpreterSession:
    """Load a model from memory.

    Raises:
        ModelError: the runtime refused it; one sentence with what it said.
    """
    if len(model) < 8 or model[4:8] != b"TFL3":
        raise ModelError(
            "not a TensorFlow Lite model: expected `TFL3` at byte 4, "
            f"found {model[4:8].hex(' ') or 'nothing'} ({len(model)} bytes)"
        )
    try:
        interpreter = make(model_content=model, num_threads=threads)
        interpreter.allocate_tensors()
        return InterpreterSession(interpreter)
    except REFUSALS as error:
        raise ModelError(f"{runtime} refused the model ({len(model)} bytes): {_sentence(error)}") from error


def _tensor(detail: dict[str, Any]) -> Tensor:
    scale, zero_point = detail["quantization"]
    shape = tuple(int(size) for size in detail["shape"])
    return Tensor(str(detail["name"]), str(detail["dtype"].__name__), shape, float(scale), int(zero_point))


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
