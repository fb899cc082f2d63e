"""A camera on the network: RTSP, or MJPEG over HTTP. Connected again, for ever, when it goes away."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Predicate, doc

from ripieno.contracts.driver import Context, Driver, Place

from .captured import CapturedCamera
from .live import CameraPoint, CameraSettings, job


def is_a_stream(url: str) -> bool:
    return re.match(r"(rtsps?|https?)://[^\s]+$", url) is not None


@dataclass(frozen=True, kw_only=True)
class RtspSettings(CameraSettings):
    """A stream."""

    url: Annotated[str, Place(), Predicate(is_a_stream), doc("rtsp://camera/stream, or http:// for MJPEG")]
    transport: Annotated[Literal["tcp", "udp"], doc("of RTSP; udp loses pictures where the network does")] = "tcp"


def open_camera(settings: RtspSettings, context: Context) -> CapturedCamera:
    """Return the device."""
    task = job(settings, "stream", settings.url, "live", transport=settings.transport)
    return CapturedCamera(task, settings.stall_after_s, context)


DRIVER = Driver(
    name="rtsp",
    summary="a camera on the network: RTSP, or MJPEG over HTTP",
    settings=RtspSettings,
    point=CameraPoint,
    inputs=frozenset({"frame"}),
    outputs=frozenset(),
    pulse_contract="none",
    falls_safe=False,
    open=open_camera,
)
