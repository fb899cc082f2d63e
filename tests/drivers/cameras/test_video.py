"""Video files through real capture processes: played, cut off, no video at all, and processes that die or hang."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from ripieno.contracts.driver import Context
from ripieno.errors import CommandRefused, DeviceError
from ripieno.values import Frame, Health, Setpoint
from ripieno_drivers.cameras.video import DRIVER

from .rack import Rack, descriptors, is_gone, run
from .videos import bar, plain, write


def video(folder: Path, count: int = 40, name: str = "bars.avi", rate_hz: float = 50.0) -> str:
    return str(write(folder / name, (bar(number) for number in range(count)), rate_hz))


@pytest.mark.parametrize("name", ["bars.mp4", "bars.avi"])
def test_every_picture_of_a_file_comes_in_order_step_by_step(tmp_path: Path, name: str) -> None:
    async def main() -> None:
        rack = Rack(DRIVER, answer=False, path=video(tmp_path, 12, name), pace="step")
        seen: list[np.ndarray] = []
        async with rack.running():
            for number in range(1, 13):
                await rack.until(lambda number=number: len(rack.frames) == number)
                seen.append(rack.picture(rack.frames[-1]))
                rack.device.seen(rack.frames[-1].ref)
            await rack.until(lambda: bool(rack.downs))

        assert [frame.sequence for frame in rack.frames] == list(range(1, 13))
        assert all(np.abs(a.astype(int) - bar(n)).mean() < 12 for n, a in enumerate(seen))
        assert rack.downs == ["the video has ended after 12 pictures"]
        assert rack.said[-1] == "station: 12 pictures seen, 0 passed over"

    run(main())


def test_step_by_step_waits_for_the_answer(tmp_path: Path) -> None:
    async def main() -> None:
        rack = Rack(DRIVER, answer=False, path=video(tmp_path), pace="step")
        async with rack.running():
            await rack.until(lambda: len(rack.frames) == 1)
            await asyncio.sleep(2.0)  # longer than a camera may be silent: waiting is not stalling

            assert (len(rack.frames), rack.downs) == (1, [])

    run(main())


def test_a_file_is_played_at_its_own_pace(tmp_path: Path) -> None:
    async def main() -> None:
        rack = Rack(DRIVER, path=video(tmp_path, 50, rate_hz=50.0))
        async with rack.running():
            await rack.until(lambda: bool(rack.downs))

        took_s = (rack.at_ns[-1] - rack.at_ns[0]) / 1e9
        assert took_s > 0.9, "never faster than it was recorded"
        assert len(rack.good) > 40

    run(main())


def test_what_comes_while_a_picture_is_at_work_is_passed_over_and_counted(tmp_path: Path) -> None:
    async def main() -> None:
        rack = Rack(DRIVER, answer=False, path=video(tmp_path, 100, rate_hz=100.0))
        async with rack.running():
            await rack.until(lambda: len(rack.frames) == 1)
            await asyncio.sleep(0.4)
            first = rack.frames[0]
            assert len(rack.frames) == 1
            rack.device.seen(first.ref)
            await rack.until(lambda: len(rack.frames) == 2)
            newest = rack.frames[1]
            age_ms = (rack.at_ns[1] - newest.at_ns) / 1e6

        assert newest.sequence > first.sequence + 10
        assert age_ms < 150
        assert "passed over" in rack.said[-1] and not rack.said[-1].endswith(" 0 passed over")

    run(main())


def test_a_flood_leaves_memory_bounded(tmp_path: Path) -> None:
    """C8: as fast as it can be read, and nobody answers."""

    async def main() -> None:
        path = video(tmp_path, 60)
        rack = Rack(DRIVER, answer=False, path=path, rate_hz=1000.0, loop=True, frames="every", room=8)
        async with rack.running():
            await rack.until(lambda: len(rack.frames) == 8)
            await asyncio.sleep(0.5)

            assert len(rack.frames) == 8
            assert os.fstat(rack.device._memory.fd).st_size <= 8 * 20_480  # type: ignore[union-attr]

    run(main())


def test_a_file_is_played_in_a_loop(tmp_path: Path) -> None:
    async def main() -> None:
        rack = Rack(DRIVER, path=video(tmp_path, 10, rate_hz=200.0), loop=True)
        async with rack.running():
            await rack.until(lambda: len(rack.frames) > 30)

        assert rack.downs == []

    run(main())


def test_each_input_gets_each_picture(tmp_path: Path) -> None:
    async def main() -> None:
        rack = Rack(DRIVER, points=2, path=video(tmp_path, 10), pace="step")
        async with rack.running():
            await rack.until(lambda: bool(rack.downs))

        assert sorted({frame.input for frame in rack.frames}) == ["top0", "top1"]
        assert len(rack.frames) == 20

    run(main())


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_a_file_that_is_no_video_is_said_so(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "notes.mp4"
        path.write_bytes(b"this is no video\n" * 100)
        rack = Rack(DRIVER, path=str(path))
        async with rack.running():
            await rack.until(lambda: bool(rack.downs))

        assert rack.downs[0] == f"{path}: cannot be opened as a video (1700 bytes): damaged, cut off, or none at all"
        assert rack.frames[0].health is Health.STALE

    run(main())


def test_a_file_that_is_not_there_yet_is_played_when_it_comes(tmp_path: Path) -> None:
    async def main() -> None:
        rack = Rack(DRIVER, path=str(tmp_path / "bars.avi"))
        async with rack.running():
            await rack.until(lambda: bool(rack.downs))
            video(tmp_path)
            await rack.until(lambda: len(rack.good) > 5)

        assert rack.downs[0].endswith("bars.avi: no such file")

    run(main())


@pytest.mark.parametrize(("name", "keep"), [("bars.avi", 0.5), ("bars.mp4", 0.5), ("bars.mp4", 0.02)])
def test_a_video_that_is_cut_off_is_said_so(tmp_path: Path, name: str, keep: float) -> None:
    path = Path(video(tmp_path, 60, name))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])

    async def main() -> None:
        rack = Rack(DRIVER, path=str(path), rate_hz=500.0)
        async with rack.running():
            await rack.until(lambda: bool(rack.downs))

        assert "cut off" in rack.downs[0] or "no picture in it" in rack.downs[0], rack.downs

    run(main())


def test_damage_in_the_middle_of_a_video_kills_nobody_else(tmp_path: Path) -> None:
    path = Path(video(tmp_path, 60, "bars.mp4"))
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 400] = os.urandom(400)
    path.write_bytes(bytes(content))

    async def main() -> None:
        rack = Rack(DRIVER, path=str(path), rate_hz=500.0)
        async with rack.running():
            await rack.until(lambda: bool(rack.downs))

        assert rack.downs  # however it ended, it was told

    run(main())


def test_a_capture_process_that_is_killed_is_told_and_replaced(tmp_path: Path) -> None:
    async def main() -> None:
        rack = Rack(DRIVER, path=video(tmp_path), loop=True)
        async with rack.running():
            await rack.until(lambda: len(rack.good) > 5)
            before, pid = len(rack.good), rack.pid
            os.kill(pid, signal.SIGKILL)
            await rack.until(lambda: rack.ups == 2 and len(rack.good) > before + 5)

        assert rack.downs == [f"its process {pid} was killed by SIGKILL"]
        sequences = [frame.sequence for frame in rack.frames]
        assert sequences == sorted(set(sequences))
        assert [frame.health for frame in rack.frames].count(Health.STALE) == 1

    run(main())


def test_a_capture_process_that_hangs_is_noticed_and_replaced(tmp_path: Path) -> None:
    async def main() -> None:
        rack = Rack(DRIVER, path=video(tmp_path), loop=True)
        async with rack.running():
            await rack.until(lambda: len(rack.good) > 5)
            pid = rack.pid
            os.kill(pid, signal.SIGSTOP)
            await rack.until(lambda: bool(rack.downs))
            await rack.until(lambda: rack.ups == 2)

            assert rack.downs[0].startswith("stalled: no picture for 1.")
            assert is_gone(pid)

    run(main())


def test_processes_and_descriptors_are_not_left_behind(tmp_path: Path) -> None:
    async def main() -> None:
        path = video(tmp_path)
        before = descriptors()
        rack = Rack(DRIVER, path=path, loop=True)
        async with rack.running():
            for number in range(1, 4):
                await rack.until(lambda number=number: rack.ups == number)
                pid = rack.pid
                os.kill(pid, signal.SIGKILL)
                await rack.until(lambda number=number: len(rack.downs) == number)
            await rack.until(lambda: rack.ups == 4)
            pid = rack.pid

        assert is_gone(pid)
        assert descriptors() == before

    run(main())


def test_dark_pictures_are_told_twice_a_second_and_shown_to_no_model(tmp_path: Path) -> None:
    async def main() -> None:
        pictures = [*(bar(n) for n in range(10)), *(plain(2) for _ in range(60)), *(bar(n) for n in range(10))]
        rack = Rack(DRIVER, path=str(write(tmp_path / "night.avi", pictures, 50.0)))
        async with rack.running():
            await rack.until(lambda: bool(rack.downs))

        dark = [frame for frame in rack.frames if frame.health is Health.DARK]
        assert 2 <= len(dark) <= 4
        assert {frame.ref for frame in dark} == {""}
        assert rack.frames[-1].health is Health.GOOD

    run(main())


def test_a_picture_that_stands_still_tells_for_how_long(tmp_path: Path) -> None:
    async def main() -> None:
        pictures = [bar(1), *(bar(2) for _ in range(30))]
        rack = Rack(DRIVER, path=str(write(tmp_path / "still.avi", pictures, 50.0)))
        async with rack.running():
            await rack.until(lambda: bool(rack.downs))

        assert {frame.health for frame in rack.frames} == {Health.GOOD}
        assert max(frame.still_ns for frame in rack.frames) > 0.3e9

    run(main())


def test_pictures_of_another_size_than_expected_are_bad(tmp_path: Path) -> None:
    async def main() -> None:
        rack = Rack(DRIVER, path=video(tmp_path, 10), width_px=640, height_px=480)
        async with rack.running():
            await rack.until(lambda: bool(rack.downs))

        assert {frame.health for frame in rack.frames} == {Health.WRONG_SIZE}

    run(main())


def test_a_message_that_is_none_costs_the_process_its_life_and_nothing_else(tmp_path: Path) -> None:
    async def main() -> None:
        rack = Rack(DRIVER, path=video(tmp_path), loop=True)
        async with rack.running():
            await rack.until(lambda: rack.ups == 1)
            rack.device._hear(rack.device._life, b"\xc1 no message")
            await rack.until(lambda: rack.ups == 2)

        assert rack.downs[0].startswith("its process sends what is no message")

    run(main())


def test_without_processes_a_camera_says_why_it_cannot_run(tmp_path: Path) -> None:
    async def main() -> None:
        rack = Rack(DRIVER, path=video(tmp_path))
        object.__setattr__(rack.context, "processes", None)
        assert isinstance(rack.context, Context)
        with pytest.raises(DeviceError, match="needs a process of its own"):
            await rack.device.run()

    run(main())


def test_a_camera_has_no_outputs(tmp_path: Path) -> None:
    device = Rack(DRIVER, path="x").device

    with pytest.raises(CommandRefused):
        device.set(Setpoint("flow", 1.0, 1.0))
    assert isinstance(Frame("a", "", 1, None, 0, 0), Frame)
