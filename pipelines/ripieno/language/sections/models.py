"""Models: what each takes and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen, doc

from ..marks import Pattern
from .words import Word

Label = Annotated[str, MinLen(1), MaxLen(100)]
Labels = Annotated[tuple[Label, ...], MinLen(1), MaxLen(10_000)]
Output = Annotated[str, Pattern(r"[A-Za-z][A-Za-z0-9_]*", "a word of letters, digits and _"), MaxLen(63)]


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """How a number of the vector comes to the scale of those that the model learned."""

    mean: Annotated[float, doc("what it is reduced by")] = 0.0
    deviation: Annotated[Annotated[float, Gt(0)], doc("what it is then divided by")] = 1.0


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """What the model takes: a picture, where neither `text` nor `vector` says otherwise."""

    colour: Annotated[Literal["rgb", "bgr", "grey"], doc("of a picture: the order of its channels")] = "rgb"
    resize: Annotated[Literal["linear", "area"], doc("of a picture: how it comes to the model's size")] = "linear"
    range: Annotated[
        tuple[float, float] | None,
        doc("of a picture: the real values of its darkest and brightest pixel, where the tensors do not say it"),
    ] = None
    text: Annotated[Literal["ngrams"] | None, doc("the model takes a text; how it becomes features")] = None
    vector: Annotated[
        Annotated[tuple[Word, ...], MinLen(1), MaxLen(4_096)] | None,
        doc("the model takes numbers: those of these fields, in this order"),
    ] = None
    scaling: Annotated[Mapping[str, Scaling] | None, doc("of some or all fields of the vector")] = None


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model of the bundle; its digest and tensors stand in the manifest."""

    file: Annotated[Annotated[str, MinLen(1), MaxLen(200)], doc("the TensorFlow Lite file, relative to the bundle")]
    task: Annotated[
        Literal["classify", "detect", "regress"], doc("what it says: one label, objects with boxes, or values")
    ]
    labels: Annotated[
        Labels | Annotated[str, MinLen(1), MaxLen(200)],
        doc("a list, or a text file of the bundle with one on each line; not for regress"),
    ] = ()
    input: Annotated[ModelInput, doc("what it takes")] = ModelInput()
    threshold: Annotated[
        Annotated[float, Ge(0), Le(1)] | None, doc("of detect: an object with a lower score is none")
    ] = None
    outputs: Annotated[
        Annotated[tuple[Output, ...], MinLen(1), MaxLen(64)] | None,
        doc("of regress: the names of its values; of detect: which output of the file is what, where not the usual"),
    ] = None
