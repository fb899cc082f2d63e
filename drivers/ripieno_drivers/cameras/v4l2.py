"""A camera of this machine through Video4Linux: USB, CSI, capture cards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le, Predicate, doc

from ripieno.contracts.driver import Context, Driver, Place

from .captured import CapturedCamera
from .live import CameraPoint, CameraSettings, job


def is_a_format_of_four_letters(text: str) -> bool:
    return text == "" or re.fullmatch(r"[A-Z0-9 ]{4}", text) is not None


@dataclass(frozen=True, kw_only=True)
class V4l2Settings(CameraSettings):
    """A V4L2 device. `width_px`, `height_px` are asked of it; what it gives instead is bad."""

    device: Annotated[str, Place(), doc("/dev/v4l/by-id/... (survives another port) or /dev/video0")]
    format: Annotated[
        str, Predicate(is_a_format_of_four_letters), doc("such as MJPG or YUYV; empty: what the camera has")
    ] = ""
    rate_hz: Annotated[float, Ge(0), Le(1000), doc("pictures per second; 0: what the camera has")] = 0.0
    exposure: Annotated[float, Ge(0)] | None = None
    gain: Annotated[float, Ge(0)] | None = None


def open_camera(settings: V4l2Settings, context: Context) -> CapturedCamera:
    """Return the device. Without `exposure` the camera chooses it."""
    task = job(
        settings,
        "v4l2",
        settings.device,
        "live",
        rate_hz=settings.rate_hz,
        format=settings.format,
        exposure=settings.exposure,
        gain=settings.gain,
    )
    apart_s = 3 / settings.rate_hz if settings.rate_hz else 0.0
    return CapturedCamera(task, max(settings.stall_after_s, apart_s), context)


DRIVER = Driver(
    name="v4l2",
    summary="a camera of this machine (USB, CSI) through Video4Linux",
    settings=V4l2Settings,
    point=CameraPoint,
    inputs=frozenset({"frame"}),
    outputs=frozenset(),
    pulse_contract="none",
    falls_safe=False,
    open=open_camera,
)
