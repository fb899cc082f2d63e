"""V4L2: what is asked of a camera and in which order, on one that is written here; live where there is one.

Not proved on hardware: no camera took part in these tests unless `test_a_camera_of_this_machine_gives_pictures` ran.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ripieno_drivers.cameras.capture.job import Job, job_of
from ripieno_drivers.cameras.capture.sources import Raw, Source, SourceError, adjust
from ripieno_drivers.cameras.v4l2 import DRIVER, is_a_format_of_four_letters

from .rack import Rack, run

JOB = Job(kind="v4l2", place="/dev/video0", pace="live", every=False, room=4)
FOURCC = {name: float(cv2.VideoWriter.fourcc(*name)) for name in ("MJPG", "YUYV")}


class Camera:
    """Takes only YUYV, at most 640 x 480, and 30 pictures a second."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.has = {cv2.CAP_PROP_FOURCC: FOURCC["YUYV"]}

    def isOpened(self) -> bool:
        return True

    def read(self) -> tuple[bool, object]:
        return False, None

    def get(self, prop: int) -> float:
        return self.has.get(prop, 0.0)

    def set(self, prop: int, value: float) -> bool:
        self.asked.append(prop)
        most = {cv2.CAP_PROP_FRAME_WIDTH: 640, cv2.CAP_PROP_FRAME_HEIGHT: 480, cv2.CAP_PROP_FPS: 30}
        if prop != cv2.CAP_PROP_FOURCC:
            self.has[prop] = min(value, most.get(prop, value))
        return True


def asking(**settings: object) -> tuple[Camera, list[str]]:
    camera = Camera()
    return camera, adjust(camera, job_of(Job(**{**vars_of(JOB), **settings}).to_text()))  # type: ignore[arg-type]


def vars_of(job: Job) -> dict[str, object]:
    return {name: getattr(job, name) for name in job.__slots__}


def test_the_format_comes_before_the_size_and_the_size_before_the_rate() -> None:
    camera, refused = asking(format="YUYV", width_px=640, height_px=480, rate_hz=30.0)

    order = [cv2.CAP_PROP_FOURCC, cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FPS]
    assert camera.asked[:4] == order
    assert refused == []


def test_what_the_camera_does_not_take_is_said_with_what_it_has() -> None:
    _, refused = asking(format="MJPG", width_px=1280, height_px=720, rate_hz=60.0)

    assert refused == [
        "format MJPG was asked, the camera has YUYV",
        "width 1280 was asked, the camera has 640",
        "height 720 was asked, the camera has 480",
        "rate 60 was asked, the camera has 30",
    ]


def test_an_exposure_turns_the_automatic_off_before_it_is_set() -> None:
    camera, refused = asking(exposure=120.0, gain=4.0)

    order = [cv2.CAP_PROP_AUTO_EXPOSURE, cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_GAIN]
    assert camera.asked[-3:] == order
    assert camera.has[cv2.CAP_PROP_AUTO_EXPOSURE] == 1.0
    assert refused == []


def test_without_an_exposure_the_camera_chooses() -> None:
    camera, _ = asking()

    assert camera.has[cv2.CAP_PROP_AUTO_EXPOSURE] == 3.0
    assert cv2.CAP_PROP_EXPOSURE not in camera.asked


@pytest.mark.parametrize(
    ("text", "is_one"), [("MJPG", True), ("Y16 ", True), ("", True), ("mjpg", False), ("MJPEG", False)]
)
def test_a_format_has_four_letters(text: str, is_one: bool) -> None:
    assert is_a_format_of_four_letters(text) is is_one


class Rows(Camera):
    """Gives every picture as one row of bytes, as OpenCV does for formats that it does not convert."""

    def __init__(self, format: str) -> None:
        super().__init__()
        code = float(cv2.VideoWriter.fourcc(*format))
        self.has |= {cv2.CAP_PROP_FOURCC: code, cv2.CAP_PROP_FRAME_WIDTH: 4, cv2.CAP_PROP_FRAME_HEIGHT: 2}

    def read(self) -> tuple[bool, object]:
        return True, np.arange(24, dtype=np.uint8).reshape(1, 24)


def test_a_picture_that_comes_as_one_row_of_bytes_gets_its_shape() -> None:
    """Found on the kernel's own camera, whose first format is BGR3: a picture was 921600 x 1."""
    camera = Rows("BGR3")
    picture = Source(camera, [], 0.0, 0, Raw("/dev/video0", camera)).read()

    assert picture is not None and picture.shape == (2, 4, 3)
    assert picture[1, 0].tolist() == [12, 13, 14]


def test_bytes_in_a_format_that_nobody_reads_are_said_with_the_mend() -> None:
    camera = Rows("RGBP")
    with pytest.raises(SourceError, match="format RGBP cannot be read; set `format`, such as YUYV"):
        Source(camera, [], 0.0, 0, Raw("/dev/video0", camera)).read()


def test_a_camera_that_is_not_there_is_said_with_those_that_are() -> None:
    async def main() -> None:
        rack = Rack(DRIVER, device="/dev/v4l/by-id/usb-none")
        async with rack.running():
            await rack.until(lambda: bool(rack.downs))

        assert rack.downs[0].startswith("/dev/v4l/by-id/usb-none: no such camera; there are ")

    run(main())


def test_a_file_that_is_no_camera_is_said_so(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "video0"
        path.write_bytes(b"")
        rack = Rack(DRIVER, device=str(path))
        async with rack.running():
            await rack.until(lambda: bool(rack.downs))

        assert rack.downs[0] == f"{path}: is no camera, or another program has it"

    run(main())


@pytest.mark.skipif(not Path("/dev/video0").exists(), reason="V4L2 is not proved here: there is no /dev/video0")
def test_a_camera_of_this_machine_gives_pictures() -> None:
    async def main() -> None:
        rack = Rack(DRIVER, device="/dev/video0", dark=0, bright=256)
        async with rack.running():
            await rack.until(lambda: len(rack.good) > 10)

        assert rack.downs == []

    run(main())
