"""A network camera that goes away, falls silent, and comes back: said, survived, connected again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ripieno_drivers.cameras.rtsp import DRIVER, is_a_stream

from .rack import Rack, run
from .rtsp_server import RtspServer
from .videos import bar


def test_pictures_of_a_stream_arrive_as_they_were_sent() -> None:
    async def main() -> None:
        server = RtspServer(lambda number: bar(3))
        await server.start()
        rack = Rack(DRIVER, answer=False, url=server.url)
        async with rack.running():
            await rack.until(lambda: bool(rack.good))
            picture = rack.picture(rack.good[0])
        await server.stop()

        assert np.abs(picture.astype(int) - bar(3)).mean() < 12

    run(main())


def test_a_server_that_goes_away_is_said_and_found_again_when_it_is_back() -> None:
    async def main() -> None:
        server = RtspServer(bar)
        await server.start()
        rack = Rack(DRIVER, url=server.url)
        async with rack.running():
            await rack.until(lambda: len(rack.good) > 5)
            await server.stop()
            await rack.until(lambda: bool(rack.downs))
            tried = rack.device._lives
            await rack.until(lambda: rack.device._lives > tried + 2)
            await server.start()
            await rack.until(lambda: rack.ups == 2)
            seen = len(rack.good)
            await rack.until(lambda: len(rack.good) > seen + 5)
        await server.stop()

        assert rack.downs == [
            "no more pictures come: the connection is closed, or the camera is gone",
            f"{server.url}: no stream there: no server, no such path, or refused",
        ], "tried again and again, said once"

    run(main())


def test_a_server_that_falls_silent_is_noticed_after_the_time_that_a_stall_takes() -> None:
    async def main() -> None:
        server = RtspServer(bar)
        await server.start()
        rack = Rack(DRIVER, url=server.url, open_within_s=2.0)
        async with rack.running():
            await rack.until(lambda: len(rack.good) > 5)
            server.is_silent = True
            await rack.until(lambda: bool(rack.downs))
            server.is_silent = False
            await rack.until(lambda: rack.ups == 2)
        await server.stop()

        assert rack.downs[0].startswith("stalled: no picture for 1.")
        assert server.connections >= 2

    run(main())


def test_a_password_is_not_told() -> None:
    async def main() -> None:
        rack = Rack(DRIVER, url="rtsp://admin:secret@127.0.0.1:9/stream")
        async with rack.running():
            await rack.until(lambda: rack.device._child is not None)
            line = Path(f"/proc/{rack.pid}/cmdline")
            await rack.until(lambda: bool(line.read_bytes()))  # empty for a moment while it is being made
            command = line.read_bytes()  # noqa: ASYNC240
            await rack.until(lambda: bool(rack.downs))

        assert b"capture.program" in command and b"secret" not in command
        assert rack.downs[0].startswith("rtsp://127.0.0.1:9/stream: no stream there")

    run(main())


@pytest.mark.parametrize(
    ("url", "is_one"), [("rtsp://a/b", True), ("http://a/b.mjpg", True), ("a/b", False), ("file:///etc/passwd", False)]
)
def test_only_streams_are_taken_for_streams(url: str, is_one: bool) -> None:
    assert is_a_stream(url) is is_one


@pytest.mark.parametrize("jump", ["backwards", "equal", "far ahead"])
def test_time_stamps_of_the_camera_that_jump_change_no_order_and_no_age(jump: str) -> None:
    """A camera sets its clock, or has none: pictures are as old as their arrival here says."""

    def stamp(number: int) -> int:
        if number < 40:
            return number * 3600
        return {"backwards": 3600 * (number - 39), "equal": 144_000, "far ahead": 3600 * number + 0x4000_0000}[jump]

    async def main() -> None:
        server = RtspServer(bar, stamp=stamp)
        await server.start()
        rack = Rack(DRIVER, url=server.url)
        async with rack.running():
            await rack.until(lambda: server.played > 65 and rack.good[-1].sequence > 45)
        await server.stop()
        frames = rack.frames

        assert [frame.sequence for frame in frames] == sorted({frame.sequence for frame in frames})
        taken = [frame.at_ns for frame in frames]
        assert taken == sorted(taken)
        ages_s = [(seen - frame.at_ns) / 1e9 for frame, seen in zip(frames, rack.at_ns, strict=True)]
        assert all(0 <= age < 1 for age in ages_s), "as this machine's clock has it"
        assert rack.downs == []

    run(main())
