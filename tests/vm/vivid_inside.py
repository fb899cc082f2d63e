"""V4L2 on the kernel's own virtual camera (`vivid`): the real capture process, real ioctls. Runs inside the machine.

The machine emulates its processor, so everything takes ten times as long as usual; waits are as patient.
"""

from __future__ import annotations

import asyncio
import fcntl
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from drivers.cameras.rack import Rack, run

from ripieno.contracts.slots import parse_slot
from ripieno.values import Health
from ripieno_drivers.cameras.v4l2 import DRIVER

CAMERA = "/dev/video0"
UNBIND, BIND = (Path(f"/sys/bus/platform/drivers/vivid/{word}") for word in ("unbind", "bind"))
PATIENCE_S = 120.0
VIDIOC_G_CTRL = 0xC008561B  # videodev2.h
VIDIOC_S_CTRL = 0xC008561C
GAIN, AUTOGAIN = 0x00980913, 0x00980912
SETTINGS: dict[str, Any] = {
    "device": CAMERA,
    "dark": 0,
    "bright": 256,
    "open_within_s": 60.0,
    "stall_after_s": 20.0,
    "room": 2,
}


def control(number: int) -> int:
    """Return what a control of the camera has."""
    with Path(CAMERA).open("rb", buffering=0) as camera:
        return int(struct.unpack("Ii", fcntl.ioctl(camera, VIDIOC_G_CTRL, struct.pack("Ii", number, 0)))[1])


def set_control(number: int, value: int) -> None:
    with Path(CAMERA).open("rb", buffering=0) as camera:
        fcntl.ioctl(camera, VIDIOC_S_CTRL, struct.pack("Ii", number, value))


def test_it_gives_pictures_that_differ() -> None:
    async def main() -> None:
        rack = Rack(DRIVER, answer=False, **SETTINGS)
        async with rack.running():
            await rack.until(lambda: len(rack.good) >= 1, PATIENCE_S)
            first = rack.picture(rack.good[0])
            rack.device.seen(rack.good[0].ref)
            await rack.until(lambda: len(rack.good) >= 2, PATIENCE_S)
            second = rack.picture(rack.good[1])

        assert first.ndim == 3 and first.shape == second.shape
        assert first.std() > 10, "a test pattern, not one colour"
        assert (first != second).any(), "its clock and its moving pattern change"
        assert rack.downs == []

    run(main())


def test_format_size_and_rate_are_taken() -> None:
    async def main() -> None:
        rack = Rack(DRIVER, **SETTINGS, format="YUYV", width_px=640, height_px=480, rate_hz=15.0)
        async with rack.running():
            await rack.until(lambda: len(rack.good) >= 3, PATIENCE_S)

        place = parse_slot(rack.good[0].ref)
        assert (place.width_px, place.height_px) == (640, 480)
        assert [text for text in rack.said if "was asked" in text] == []

    run(main())


def test_what_it_does_not_take_is_said_with_what_it_has() -> None:
    async def main() -> None:
        rack = Rack(DRIVER, **SETTINGS, format="MJPG", width_px=5000, height_px=3000, exposure=120.0)
        async with rack.running():
            await rack.until(lambda: any("was asked" in text for text in rack.said), PATIENCE_S)
            await rack.until(lambda: bool(rack.frames), PATIENCE_S)

        (said,) = [text for text in rack.said if "was asked" in text]
        assert "format MJPG was asked, the camera has " in said
        assert "width 5000 was asked, the camera has " in said
        assert "exposure 120 was asked, the camera has " in said, "vivid has no exposure, and that is no success"
        assert rack.frames[0].health is Health.WRONG_SIZE

    run(main())


def test_a_control_is_written_to_the_camera() -> None:
    set_control(AUTOGAIN, 0)
    before = control(GAIN)

    async def main() -> int:
        rack = Rack(DRIVER, **SETTINGS, gain=float(before // 2 + 7))
        async with rack.running():
            await rack.until(lambda: len(rack.good) >= 1, PATIENCE_S)
            there = control(GAIN)
        assert [text for text in rack.said if "gain" in text] == []
        return there

    assert run(main()) == before // 2 + 7 != before


def test_unplugged_it_is_said_and_plugged_in_again_it_is_found() -> None:
    async def main() -> None:
        rack = Rack(DRIVER, **SETTINGS)
        async with rack.running():
            await rack.until(lambda: len(rack.good) >= 2, PATIENCE_S)
            UNBIND.write_text("vivid.0")
            await rack.until(lambda: bool(rack.downs), PATIENCE_S)
            await asyncio.sleep(1)
            assert not Path(CAMERA).exists()  # noqa: ASYNC240
            BIND.write_text("vivid.0")
            await rack.until(lambda: rack.ups == 2, PATIENCE_S)
            seen = len(rack.good)
            await rack.until(lambda: len(rack.good) > seen, PATIENCE_S)

        assert any("no such camera" in why or "no more pictures" in why or "stalled" in why for why in rack.downs)
        print("\nunplugged:", rack.downs)

    run(main())


def test_a_second_program_on_the_camera_is_said() -> None:
    """vivid lets one stream at a time, as real cameras do."""

    async def main() -> None:
        holder = Rack(DRIVER, **SETTINGS)
        async with holder.running():
            await holder.until(lambda: len(holder.good) >= 1, PATIENCE_S)
            second = Rack(DRIVER, **{**SETTINGS, "stall_after_s": 5.0, "open_within_s": 20.0})
            async with second.running():
                await second.until(lambda: bool(second.downs), PATIENCE_S)
            seen = len(holder.good)
            await holder.until(lambda: len(holder.good) > seen, PATIENCE_S)

        assert holder.downs == []
        print("\nsecond:", second.downs)

    run(main())


if __name__ == "__main__":
    pytest.main([__file__, "-q", "-s", f"--basetemp=/tmp/pytest-{time.monotonic_ns()}"])
