"""Where pictures come from, over OpenCV: a video file, a V4L2 device, a stream. Each call may block for ever."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from .job import Job

CONTROLS: Final[Mapping[str, int]] = {"exposure": cv2.CAP_PROP_EXPOSURE, "gain": cv2.CAP_PROP_GAIN}
AUTO_EXPOSURE_OFF: Final = 1.0  # V4L2_EXPOSURE_MANUAL (videodev2.h)
AUTO_EXPOSURE_ON: Final = 3.0  # V4L2_EXPOSURE_APERTURE_PRIORITY, what UVC cameras have as automatic
CLOSE: Final = 0.02  # a control is taken as set within 2 %


class SourceError(Exception):
    """There are no pictures (any more); one sentence for a person."""


class Capture(Protocol):
    """The part of cv2.VideoCapture that is used."""

    def isOpened(self) -> bool: ...
    def read(self) -> tuple[bool, Any]: ...
    def get(self, prop: int, /) -> float: ...
    def set(self, prop: int, value: float, /) -> bool: ...


class Source:
    """An open source. `refused`: what of the settings it did not take; `expected`: pictures of a file, 0 unknown."""

    def __init__(
        self, capture: Capture, refused: list[str], rate_hz: float, expected: int, raw: Raw | None = None
    ) -> None:
        self._capture, self._raw = capture, raw
        self.refused, self.rate_hz, self.expected = refused, rate_hz, expected

    def read(self) -> NDArray[np.uint8] | None:
        """Return the next picture, BGR, shape (height, width, 3); None at the end.

        Raises:
            SourceError: pictures come in a form that nobody here can read.
        """
        good, picture = self._capture.read()
        if not good or picture is None:
            return None
        if self._raw is not None:
            picture = self._raw.shaped(picture)
        if picture.ndim == 2:
            picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
        found: NDArray[np.uint8] = picture
        return found


class Raw:
    """What a V4L2 device delivers. OpenCV 4.11 gives the bytes of formats that it does not convert as one row, among
    them BGR3, which needs no conversion and which it asks for first where a camera has it.
    """

    def __init__(self, place: str, capture: Capture) -> None:
        self._place, self._format = place, _letters(int(capture.get(cv2.CAP_PROP_FOURCC)))
        self._size = round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)), round(capture.get(cv2.CAP_PROP_FRAME_WIDTH))

    def shaped(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the picture in its shape. Raises SourceError where its format is unknown."""
        height, width = self._size
        if picture.shape[0] != 1 or height <= 1:
            return picture
        if self._format == "BGR3" and picture.size == height * width * 3:
            return picture.reshape(height, width, 3)
        raise SourceError(f"{self._place}: format {self._format} cannot be read; set `format`, such as YUYV or MJPG")


def open_source(job: Job) -> Source:
    """Open what the job names.

    Raises:
        SourceError: it is not there, or is nothing of the kind.
    """
    cv2.setNumThreads(1)
    return {"video": _open_video, "v4l2": _open_v4l2, "stream": _open_stream}[job.kind](job)


def _open_video(job: Job) -> Source:
    path = Path(job.place)
    if not path.is_file():
        raise SourceError(f"{job.place}: {'no file, but a folder' if path.is_dir() else 'no such file'}")
    capture = cv2.VideoCapture(job.place, cv2.CAP_FFMPEG)
    if not capture.isOpened():
        size = path.stat().st_size
        raise SourceError(f"{job.place}: cannot be opened as a video ({size} bytes): damaged, cut off, or none at all")
    rate = capture.get(cv2.CAP_PROP_FPS)
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    known = 0 < count < 1e9
    usual = rate if math.isfinite(rate) and 0 < rate <= 1000 else 25.0
    return Source(capture, [], job.rate_hz or usual, int(count) if known else 0)


def _open_stream(job: Job) -> Source:
    # What FFmpeg reads when OpenCV opens it: no waiting for a server that is gone, no buffer of old pictures.
    options = {"rtsp_transport": job.transport, "fflags": "nobuffer", "timeout": str(round(job.open_s * 1e6))}
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "|".join(f"{key};{value}" for key, value in options.items())
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(job.open_s * 1000), cv2.CAP_PROP_READ_TIMEOUT_MSEC, 60_000]
    capture = cv2.VideoCapture(job.place, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        raise SourceError(f"{_without_password(job.place)}: no stream there: no server, no such path, or refused")
    return Source(capture, [], 0.0, 0)


def _open_v4l2(job: Job) -> Source:
    path = Path(job.place)
    if not path.exists():
        near = ", ".join(sorted(str(one) for one in Path("/dev/v4l/by-id").glob("*"))) or "none"
        raise SourceError(f"{job.place}: no such camera; there are {near}")
    if not os.access(path, os.R_OK | os.W_OK):
        raise SourceError(f"{job.place}: may not be opened; let the daemon's user into the group video")
    capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_V4L2)
    if not capture.isOpened():
        raise SourceError(f"{job.place}: is no camera, or another program has it")
    refused = adjust(capture, job)
    return Source(capture, refused, 0.0, 0, Raw(job.place, capture))


def adjust(capture: Capture, job: Job) -> list[str]:
    """Set format, size, rate, exposure and gain, in the order in which drivers take them; return what was refused."""
    refused: list[str] = []

    def want(name: str, prop: int, value: float) -> None:
        capture.set(prop, value)
        there = capture.get(prop)
        if abs(there - value) > CLOSE * max(abs(value), 1.0):
            refused.append(f"{name} {value:g} was asked, the camera has {there:g}")

    if job.format:
        code = float(cv2.VideoWriter.fourcc(*job.format))
        capture.set(cv2.CAP_PROP_FOURCC, code)
        there = int(capture.get(cv2.CAP_PROP_FOURCC))
        if there != int(code):
            refused.append(f"format {job.format} was asked, the camera has {_letters(there)}")
    if job.width_px:
        want("width", cv2.CAP_PROP_FRAME_WIDTH, job.width_px)
        want("height", cv2.CAP_PROP_FRAME_HEIGHT, job.height_px)
    if job.rate_hz:
        want("rate", cv2.CAP_PROP_FPS, job.rate_hz)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, AUTO_EXPOSURE_ON if job.exposure is None else AUTO_EXPOSURE_OFF)
    for name, value in (("exposure", job.exposure), ("gain", job.gain)):
        if value is not None:
            want(name, CONTROLS[name], value)
    return refused


def _letters(code: int) -> str:
    text = code.to_bytes(4, "little", signed=False).decode("ascii", "replace") if 0 < code < 2**32 else ""
    return text if text.isprintable() and text else "another"


def _without_password(url: str) -> str:
    scheme, slashes, rest = url.partition("://")
    host = rest.rpartition("@")[2] if "@" in rest.partition("/")[0] else rest
    return f"{scheme}{slashes}{host}"
