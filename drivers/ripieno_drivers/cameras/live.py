"""What the device files say of cameras behind a capture process: what all have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, doc

from .capture.job import Job


@dataclass(frozen=True, kw_only=True)
class CameraSettings:
    """How pictures are taken over, and when one is bad."""

    frames: Annotated[
        Literal["newest", "every"],
        doc("newest: what comes while a model is at work is passed over; every: all, as long as there is room"),
    ] = "newest"
    room: Annotated[int, Ge(4), Le(64), doc("pictures in shared memory; each takes width x height x 3 bytes")] = 4
    width_px: Annotated[int, Ge(0), Le(20_000), doc("a picture of another size is bad; 0: any")] = 0
    height_px: Annotated[int, Ge(0), Le(20_000), doc("with width_px")] = 0
    stall_after_s: Annotated[float, Ge(0.5), Le(60), doc("without a picture for so long its process is replaced")] = 1.5
    open_within_s: Annotated[float, Gt(0), Le(120), doc("how long opening it may take")] = 10.0
    frozen_after_s: Annotated[
        float, Ge(0), Le(3600), doc("the same picture for so long is a fault though no belt is known to move; 0: never")
    ] = 0.0
    dark: Annotated[int, Ge(0), Le(255), doc("99 of 100 pixels below this level: the picture is dark; 0: none is")] = 20
    bright: Annotated[
        int, Ge(1), Le(256), doc("80 of 100 pixels at this level or above: over-exposed; 256: none is")
    ] = 250


@dataclass(frozen=True, kw_only=True)
class CameraPoint:
    """A frame input served by a camera; nothing to set."""


def job(settings: CameraSettings, kind: str, place: str, pace: str, **more: Any) -> Job:
    """Return what the capture process is told."""
    return Job(
        kind=kind,
        place=place,
        pace=pace,
        every=settings.frames == "every" or pace == "step",
        room=settings.room,
        width_px=settings.width_px,
        height_px=settings.height_px,
        open_s=settings.open_within_s,
        dark=settings.dark,
        bright=settings.bright,
        frozen_s=settings.frozen_after_s,
        **more,
    )
