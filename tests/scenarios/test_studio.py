"""The studio and the leaping loop save time, and change nothing of what a run shows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ripieno.errors import RipienoError
from ripieno_sim.stage import studio as studios
from ripieno_sim.stage.loop import START_NS, NothingToDo, VirtualLoop
from ripieno_sim.stage.scene import Settings
from ripieno_sim.stage.studio import Studio
from ripieno_sim.stage.virtual import run_virtual


def figures(folder: Path, studio: Studio | None, **given: Any) -> dict[str, Any]:
    folder.mkdir()
    return run_virtual(Settings(parts=60, **given), folder, lambda _: None, studio=studio)


@pytest.mark.parametrize("kills", [0, 4])
def test_a_run_with_a_studio_shows_what_one_without_shows(tmp_path: Path, kills: int) -> None:
    alone = figures(tmp_path / "alone", None, seed=3, kills=kills)
    with Studio() as studio:
        beside = figures(tmp_path / "beside", studio, seed=3, kills=kills)

    assert beside == alone


def test_a_studio_that_dies_ends_the_run_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studios, "CHILD", "ripieno_sim.seeds")  # ends at once

    with Studio() as studio, pytest.raises(RipienoError, match="the process that draws the pictures has died"):
        figures(tmp_path / "run", studio)


def test_a_leap_stops_before_whatever_else_is_due() -> None:
    async def check() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        timer = loop.call_later(0.002, lambda: None)
        assert loop.leap(START_NS + 1_000_000)
        assert loop.now_ns == START_NS + 1_000_000
        assert not loop.leap(START_NS + 2_000_000)
        assert not loop.leap(START_NS + 3_000_000)
        timer.cancel()
        assert loop.leap(START_NS + 3_000_000)
        loop.call_soon(lambda: None)
        assert not loop.leap(START_NS + 4_000_000)
        await asyncio.sleep(0.001)
        assert loop.now_ns == START_NS + 4_000_000

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(check())


def test_a_wait_that_nothing_ends_is_an_error() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    loop = VirtualLoop()
    task = loop.create_task(hang())
    with pytest.raises(NothingToDo):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()
