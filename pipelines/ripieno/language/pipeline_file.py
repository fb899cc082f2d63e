"""The settings of a pipeline file: the whole file, and its models. The other sections are in `sections`.

Only shape stands here; what refers to what is checked by `pipeline.py` and `rule_lines.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MaxLen, MinLen

from .sections.words import Word
from .shape import Pattern


@dataclass(frozen=True, kw_only=True)
class PipelineFile:
    """The whole file."""

    ripieno: Literal[1]
    name: Word
    version: Word | Annotated[str, Pattern(r"[0-9][0-9A-Za-z.+-]*", "a version such as 1.0.0")]
    inputs: Annotated[Mapping[str, Any], MinLen(1)]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    items: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """How a picture becomes the model's input tensor. `range`: of a pixel's values, where the tensors do not say it."""

    colour: Literal["rgb", "bgr", "grey"] = "rgb"
    resize: Literal["linear", "area"] = "linear"
    range: tuple[float, float] | None = None


Labels = Annotated[tuple[Annotated[str, MinLen(1), MaxLen(100)], ...], MinLen(1), MaxLen(10_000)]


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model of the bundle; its digest and tensors stand in the manifest.

    `labels`: a list, or a text file of the bundle with one on each line. Of `task: detect` alone: an object below
    `threshold` is none; `outputs`: which output of the file is what, where it is not the usual order.
    """

    file: Annotated[str, MinLen(1), MaxLen(200)]
    task: Literal["classify", "detect"]
    labels: Labels | Annotated[str, MinLen(1), MaxLen(200)]
    input: ModelInput = ModelInput()
    threshold: Annotated[float, Ge(0), Le(1)] | None = None
    outputs: Annotated[tuple[Literal["boxes", "classes", "scores", "count"], ...], MinLen(4), MaxLen(4)] | None = None
