"""The runtime seam: what runs a model file.

Entry points of group `ripieno.runtimes`; lives in worker processes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output tensor: numpy dtype name, shape, and per-tensor quantisation (scale 0 where there is
    none).
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """What runs behind a step, known once it is loaded.

    `fingerprint`: digest of the raw outputs on golden inputs, the same for the same model, runtime and kind of
    processor; `invoke_us`: median of a few runs now.
    """

    model: str
    runtime: str
    version: str
    fingerprint: str
    invoke_us: int


class Session(Protocol):
    """A loaded model. `input()` is a fresh writable view into the model's own input tensor: drop it before `invoke`."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def input(self, index: int = 0) -> Any: ...
    def invoke(self) -> None: ...
    def output(self, index: int = 0) -> Any:
        """A copy of an output tensor."""


class Runtime(Protocol):
    """What the entry point loads to (a module or an object). `version()` goes into the numerics fingerprint."""

    name: str

    def available(self) -> bool: ...
    def version(self) -> str: ...
    def load(self, model: bytes, threads: int) -> Session:
        """Raises ModelError with what the runtime said."""
