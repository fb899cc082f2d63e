"""Models: what each takes and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from ..marks import Pattern
from .words import Word

Label = Annotated[str, MinLen(1), MaxLen(100)]
Labels = Annotated[tuple[Label, ...], MinLen(1), MaxLen(10_000)]
Output = Annotated[str, Pattern(r"[A-Za-z][A-Za-z0-9_]*", "a word of letters, digits and _"), MaxLen(63)]


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What a number of the vector is reduced by, and then divided by: those of the numbers that the model learned."""

    mean: float = 0.0
    deviation: Annotated[float, Gt(0)] = 1.0


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """What the model takes: a picture, where neither `text` nor `vector` says otherwise.

    Of a picture: `colour`; `resize`; `range`: of a pixel's values, where the tensors do not say it. `text`: how a text
    becomes features. `vector`: the fields whose numbers the model takes, in its order; `scaling` of some or all.
    """

    colour: Literal["rgb", "bgr", "grey"] = "rgb"
    resize: Literal["linear", "area"] = "linear"
    range: tuple[float, float] | None = None
    text: Literal["ngrams"] | None = None
    vector: Annotated[tuple[Word, ...], MinLen(1), MaxLen(4_096)] | None = None
    scaling: Mapping[str, Scaling] | None = None


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model of the bundle; its digest and tensors stand in the manifest.

    `labels`: a list, or a text file of the bundle with one on each line; not for `task: regress`. Of `task: detect`
    alone: an object below `threshold` is none. `outputs`: of `task: detect`, which output of the file is what, where it
    is not the usual order; of `task: regress`, the names of its values.
    """

    file: Annotated[str, MinLen(1), MaxLen(200)]
    task: Literal["classify", "detect", "regress"]
    labels: Labels | Annotated[str, MinLen(1), MaxLen(200)] = ()
    input: ModelInput = ModelInput()
    threshold: Annotated[float, Ge(0), Le(1)] | None = None
    outputs: Annotated[tuple[Output, ...], MinLen(1), MaxLen(64)] | None = None
