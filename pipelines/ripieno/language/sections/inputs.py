"""Inputs: what a device must provide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Gt, Le, MaxLen, MinLen, doc

from ..quantities import Quantity
from .words import HOUR_NS, Age, Entries

FieldType = Literal["text", "number", "bool"]
Unit = Annotated[str, MinLen(1), MaxLen(20)]
Fields = Annotated[
    Mapping[str, FieldType], MinLen(1), MaxLen(200), doc("name -> text, number or bool; expressions name each")
]


@dataclass(frozen=True, kw_only=True)
class FrameInput:
    """Pictures of a camera."""

    kind: Literal["frame"]
    max_age: Annotated[Age, doc("an older picture is unknown")]


@dataclass(frozen=True, kw_only=True)
class EdgeInput:
    """A digital input that rises and falls, such as a photo-eye."""

    kind: Literal["edge"]


@dataclass(frozen=True, kw_only=True)
class PositionInput:
    """Where the belt is."""

    kind: Literal["position"]
    max_age: Annotated[Age, doc("an older position is unknown")]


@dataclass(frozen=True, kw_only=True)
class ReadingField:
    """A number of a sensor, and when it is no evidence. All numbers are in its unit."""

    unit: Annotated[Unit, doc("what the numbers are in; constants with another unit of its kind are converted")] = ""
    range: Annotated[tuple[float, float] | None, doc("[least, most] that is plausible; outside it is unknown")] = None
    saturates: Annotated[
        tuple[float, float] | None, doc("[low, high] end of what the sensor can tell; at or beyond, it is unknown")
    ] = None
    stuck_after: Annotated[
        Annotated[int, Quantity("duration"), Gt(0), Le(24 * HOUR_NS)] | None,
        doc("the very same number for so long is unknown; not for what may well stay the same"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ReadingInput:
    """Numbers of a sensor."""

    kind: Literal["reading"]
    fields: Annotated[
        Mapping[str, Any],
        MinLen(1),
        MaxLen(200),
        Entries(ReadingField, short=Unit),
        doc("name -> unit, or a mapping with more"),
    ]
    max_age: Annotated[Age, doc("an older reading is unknown")]


@dataclass(frozen=True, kw_only=True)
class MessageInput:
    """A text or a JSON object that comes from a topic, from HTTP or from the command line."""

    kind: Literal["message"]
    fields: Fields
    max_age: Annotated[Age, doc("an older message is unknown to rules over time")] = HOUR_NS


@dataclass(frozen=True, kw_only=True)
class RecordInput:
    """A row that a step looks up: in a database, or over HTTP. It never comes by itself."""

    kind: Literal["record"]
    fields: Fields


INPUTS: dict[str, type] = {
    "frame": FrameInput,
    "edge": EdgeInput,
    "position": PositionInput,
    "reading": ReadingInput,
    "message": MessageInput,
    "record": RecordInput,
}
