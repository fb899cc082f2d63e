"""The settings of a pipeline file, section by section, with their bounds. Keys that are Python words end in `_` here.

Only shape stands here; what refers to what is checked by `pipeline.py` and `rule_lines.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from .quantities import Amount, AmountOf, Quantity
from .shape import OneOrMany, Pattern

MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
WEEK_NS = 168 * HOUR_NS

Word = Annotated[str, Pattern(r"[A-Za-z][A-Za-z0-9_.-]*", "a word of letters, digits and _ . -"), MaxLen(63)]
Text = Annotated[str, MinLen(1), MaxLen(200)]
Expression = Annotated[str, MinLen(1)]
Age = Annotated[int, Quantity("duration"), Gt(0), Le(HOUR_NS)]
Length = Annotated[float, Quantity("length"), Ge(0), Le(1_000_000)]


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
class FrameInput:
    """Pictures. One older than `max_age` is unknown."""

    kind: Literal["frame"]
    max_age: Age


@dataclass(frozen=True, kw_only=True)
class EdgeInput:
    """A digital input that rises and falls."""

    kind: Literal["edge"]


@dataclass(frozen=True, kw_only=True)
class PositionInput:
    """Where the belt is."""

    kind: Literal["position"]
    max_age: Age


@dataclass(frozen=True, kw_only=True)
class ReadingInput:
    """Values of a sensor: `fields: {pressure: bar}`."""

    kind: Literal["reading"]
    fields: Annotated[Mapping[str, Annotated[str, MinLen(1), MaxLen(20)]], MinLen(1)]
    max_age: Age


@dataclass(frozen=True, kw_only=True)
class MessageInput:
    """Text or a JSON object: `fields: {amount: number}`."""

    kind: Literal["message"]
    fields: Annotated[Mapping[str, Literal["text", "number", "bool"]], MinLen(1)]
    max_age: Age = HOUR_NS


@dataclass(frozen=True, kw_only=True)
class PulseOutput:
    """One physical act at a time. `safe`: a word for what the output does without power."""

    kind: Literal["pulse"]
    safe: Word
    hold: Annotated[int, Quantity("duration"), Gt(0), Le(MINUTE_NS)]
    before: Length = 0.0
    after: Length = 0.0
    late: Length = 0.0


@dataclass(frozen=True, kw_only=True)
class SetpointOutput:
    """A value under a lease; all numbers are in `unit`."""

    kind: Literal["setpoint"]
    range: tuple[float, float]
    step: Annotated[float, Gt(0)]
    safe: float
    lease: Annotated[int, Quantity("duration"), Gt(0), Le(HOUR_NS)]
    unit: Annotated[str, MaxLen(20)] = ""


@dataclass(frozen=True, kw_only=True)
class BookingOutput:
    """An effect in a system that dedupes by id."""

    kind: Literal["booking"]


INPUTS: dict[str, type] = {
    "frame": FrameInput,
    "edge": EdgeInput,
    "position": PositionInput,
    "reading": ReadingInput,
    "message": MessageInput,
}
OUTPUTS: dict[str, type] = {"pulse": PulseOutput, "setpoint": SetpointOutput, "booking": BookingOutput}


@dataclass(frozen=True, kw_only=True)
class Item:
    """What decisions are about. `places`: distance behind the start."""

    starts: Expression
    follows: Word
    places: Annotated[Mapping[str, Length], MinLen(1)]
    decide_before: Word


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


@dataclass(frozen=True, kw_only=True)
class Step:
    """Run a model on frames. `each`, `at`, `within`: frames of items, taken where the camera sees them.

    `report`: every answer, or each that changes what is seen, is a result that is sent to the fleet.
    """

    model: Word
    input: Word
    deadline: Annotated[int, Quantity("duration"), Gt(0), Le(MINUTE_NS)]
    each: Word | None = None
    at: Word | None = None
    within: Annotated[float, Quantity("length"), Gt(0), Le(10_000)] = 10.0
    frames: Literal["every", "newest"] | None = None
    priority: Literal["high", "normal", "low"] = "normal"
    report: Literal["every", "changes"] | None = None


@dataclass(frozen=True, kw_only=True)
class Verify:
    """What must be true some time after a change."""

    after: Annotated[Amount, AmountOf(("count", "duration"))]
    that: Expression
    else_: Literal["undo", "alarm"] = "alarm"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule for each item, or over time."""

    do: Annotated[tuple[Expression, ...], OneOrMany(), MinLen(1), MaxLen(20)]
    when: Expression | None = None
    each: Word | None = None
    after: Expression | None = None
    for_: Annotated[int, Quantity("duration"), Gt(0), Le(WEEK_NS)] | None = None
    after_gap: Literal["start_over", "keep", "fire_if_elapsed"] = "start_over"
    cooldown: Annotated[int, Quantity("duration"), Ge(0), Le(WEEK_NS)] = 0
    else_: Literal["divert", "hold"] | None = None
    verify: Verify | None = None
