"""The folder camera on a real folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from ripieno.contracts.driver import Context, Point
from ripieno.errors import CommandRefused, DeviceError
from ripieno.values import DeviceDown, DeviceUp, Frame, Setpoint
from ripieno_drivers.cameras import DRIVER, FolderPoint, FolderSettings, watching

from .bench import Entropy, Intents
from .serial_bench import NoStorage
from .tiny_board import TinyBoard, TinyLines
from .virtual import LoopClock


class Rack:
    def __init__(self, **settings: Any) -> None:
        self.reports: list[Any] = []
        self.said: list[str] = []
        self.context = Context(
            device="camera",
            points=(Point("top", "frame", FolderPoint()),),
            clock=LoopClock(),
            entropy=Entropy(),
            lines=TinyLines(TinyBoard()),
            folder=watching.FolderWatch(self.said.append),
            storage=NoStorage(),
            intents=Intents(),
            report=self.reports.append,
            settled=lambda outcome: None,
            say=self.said.append,
        )
        self.device = DRIVER.open(FolderSettings(**settings), self.context)

    @property
    def frames(self) -> list[Frame]:
        return [report for report in self.reports if isinstance(report, Frame)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.device.run(), name="camera")
        try:
            await self.until(lambda: bool(self.reports))
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, claim: Callable[[], bool]) -> None:
        async with asyncio.timeout(3):
            while not claim():  # noqa: ASYNC110  # real files: the kernel gives no event to wait for
                await asyncio.sleep(0.002)


def run(main: Any) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def upload(folder: Path, name: str, content: bytes = b"picture") -> None:
    """As an FTP server does: write under another name, then rename."""
    part = folder / f"{name}.part"
    part.write_bytes(content)
    part.rename(folder / name)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["inotify", "polling"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "polling":

        def refused(path: str) -> int:
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr(watching, "_inotify", refused)
    return str(request.param)


def test_new_pictures_are_reported_once_with_what_their_names_tell(tmp_path: Path, kernel: str) -> None:
    async def main() -> None:
        upload(tmp_path, "old_1_n0.png")
        rack = Rack(path=str(tmp_path), pattern=r"_(?P<count>-?\d+)_n(?P<n>\d+)", counts_per_mm=10)
        async with rack.running():
            upload(tmp_path, "part_1205_n7.png")
            (tmp_path / "part_1300_n8.JPG").write_bytes(b"written in place")
            (tmp_path / ".part_1_n9.png").write_bytes(b"hidden")
            (tmp_path / "part_1_n9.txt").write_bytes(b"no picture")
            await rack.until(lambda: len(rack.frames) == 2)
            await asyncio.sleep(0.1)
            told = {(Path(f.ref).name, f.sequence, f.position_mm, f.input) for f in rack.frames}
            assert told == {("part_1205_n7.png", 7, 120.5, "top"), ("part_1300_n8.JPG", 8, 130.0, "top")}
            assert all(Path(frame.ref).is_absolute() for frame in rack.frames)
            assert len([text for text in rack.said if "no inotify" in text]) == (kernel == "polling")

    run(main())


def test_the_newest_are_kept(tmp_path: Path, kernel: str) -> None:
    async def main() -> None:
        rack = Rack(path=str(tmp_path), keep=5)
        async with rack.running():
            for index in range(20):
                upload(tmp_path, f"{index:03}.png")
                await rack.until(lambda wanted=index + 1: len(rack.frames) == wanted)
            assert names(tmp_path) == [f"{index:03}.png" for index in range(15, 20)]

    run(main())


def test_an_overflow_of_the_kernels_queue_loses_no_picture(tmp_path: Path) -> None:
    async def main() -> None:
        found: list[str] = []
        folder = watching._Watching(str(tmp_path), found.append, lambda text: None)
        folder.begin(existing=False)
        upload(tmp_path, "a.png")
        folder._rescan()
        await asyncio.sleep(0.05)  # the event comes as well
        assert found.count("a.png") == 1
        folder.stop()

    run(main())


def test_playing_goes_by_name_at_its_rate(tmp_path: Path) -> None:
    async def main() -> None:
        for name in ("c.png", "a.png", "b.jpeg", "notes.txt"):
            (tmp_path / name).write_bytes(b"x")
        rack = Rack(path=str(tmp_path), mode="play", rate_hz=100, loop=True)
        async with rack.running():
            await rack.until(lambda: len(rack.frames) >= 7)
        assert [Path(frame.ref).name for frame in rack.frames[:4]] == ["a.png", "b.jpeg", "c.png", "a.png"]
        assert [frame.sequence for frame in rack.frames[:4]] == [1, 2, 3, 4]
        assert rack.frames[6].at_ns - rack.frames[0].at_ns >= 45_000_000
        assert len(names(tmp_path)) == 4

    run(main())


def test_an_empty_folder_cannot_be_played(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(DeviceError, match="no picture to play"):
            await Rack(path=str(tmp_path), mode="play").device.run()

    run(main())


def test_a_missing_folder_is_said_once_and_waited_for(tmp_path: Path) -> None:
    async def main() -> None:
        missing = tmp_path / "later"
        rack = Rack(path=str(missing))
        async with rack.running():
            await asyncio.sleep(0.2)
            assert [type(report) for report in rack.reports] == [DeviceDown]
            assert "no such folder" in rack.reports[0].why
            missing.mkdir()
            await rack.until(lambda: isinstance(rack.reports[-1], DeviceUp))
            upload(missing, "a.png")
            await rack.until(lambda: len(rack.frames) == 1)

    run(main())


def test_a_camera_has_no_outputs(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(CommandRefused):
            Rack(path=str(tmp_path)).device.set(Setpoint("x", 1.0, 1.0))

    run(main())
