"""Inputs: what a device must provide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import MaxLen, MinLen

from .words import HOUR_NS, Age


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


INPUTS: dict[str, type] = {
    "frame": FrameInput,
    "edge": EdgeInput,
    "position": PositionInput,
    "reading": ReadingInput,
    "message": MessageInput,
}
