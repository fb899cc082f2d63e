"""A video file as a camera: mp4, MJPEG and what else OpenCV reads, at its own pace or step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, doc

from ripieno.contracts.driver import Context, Driver, Place

from .captured import CapturedCamera
from .live import CameraPoint, CameraSettings, job


@dataclass(frozen=True, kw_only=True)
class VideoSettings(CameraSettings):
    """A video file."""

    path: Annotated[str, Place(), doc("the file")]
    pace: Annotated[
        Literal["own", "step"], doc("own: as fast as it was taken; step: each picture when the last was answered")
    ] = "own"
    rate_hz: Annotated[float, Ge(0), Le(1000), doc("pace own: pictures per second; 0: as the file says")] = 0.0
    loop: Annotated[bool, doc("begin again after the last picture")] = False


def open_camera(settings: VideoSettings, context: Context) -> CapturedCamera:
    """Return the device."""
    task = job(settings, "video", settings.path, settings.pace, rate_hz=settings.rate_hz, loop=settings.loop)
    # A slow video is no stall: its pictures may be further apart than the limit of a live camera.
    apart_s = 3 / settings.rate_hz if settings.rate_hz else 0.0
    return CapturedCamera(task, max(settings.stall_after_s, apart_s), context)


DRIVER = Driver(
    name="video",
    summary="a video file, played at its own pace or step by step",
    settings=VideoSettings,
    point=CameraPoint,
    inputs=frozenset({"frame"}),
    outputs=frozenset(),
    pulse_contract="none",
    falls_safe=False,
    open=open_camera,
)
