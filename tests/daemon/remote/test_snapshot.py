"""A picture from afar: the next one, bounded, made small in a process of its own, given back to its camera."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ripieno.contracts.slots import SlotRef
from ripieno.errors import RipienoError
from ripieno_daemon.children.processes import ChildProcesses
from ripieno_daemon.conducting.frames import Frames
from ripieno_daemon.orders import NotDone
from ripieno_daemon.ports import SystemClock
from ripieno_daemon.remote import snapshot
from ripieno_daemon.remote.snapshot import MOST_BYTES, Snapshot
from ripieno_daemon.workers.glance import LONGEST_SIDE_PX, small
from ripieno_drivers.cameras.capture.shelf import Shelf

CHANCE = np.random.default_rng(1)


def noise(high: int, wide: int) -> Any:
    """What a JPEG cannot make small."""
    return CHANCE.integers(0, 256, (high, wide, 3), np.uint8)


def shot(frames: Frames, *arriving: tuple[int, str], args: str = "top", within_s: float = 0.3) -> dict[str, Any]:
    """Ask; then the pictures arrive."""

    async def body() -> dict[str, Any]:
        asked = asyncio.create_task(
            Snapshot(["top", "side"], lambda: frames, SystemClock())({"input": args}, lambda _text: None)
        )
        await asyncio.sleep(0.01)
        for sequence, ref in arriving:
            with frames.arrived("top", sequence, ref):
                pass
        return dict(await asked)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "WAITS_S", within_s)
        return asyncio.run(body())


def decoded(told: dict[str, Any]) -> Any:
    return cv2.imdecode(np.frombuffer(told["jpeg"], np.uint8), cv2.IMREAD_COLOR)


def test_the_next_picture_of_a_folder_comes_small_enough_whatever_is_on_it(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    path.write_bytes(cv2.imencode(".png", noise(1500, 2000))[1].tobytes())
    frames = Frames()

    told = shot(frames, (7, str(path)))

    assert (told["input"], told["sequence"], told["is_new"], told["of"]) == ("top", 7, True, [2000, 1500])
    assert len(told["jpeg"]) <= MOST_BYTES
    assert decoded(told).shape == (told["height_px"], told["width_px"], 3)
    assert told["width_px"] <= LONGEST_SIDE_PX and len(frames) == 0


def test_a_picture_in_shared_memory_is_held_until_it_was_read() -> None:
    async def body() -> None:
        memory = ChildProcesses().memory("top")
        shelf = Shelf(memory.fd, 1, 1)
        put = shelf.put(np.full((48, 64, 3), (0, 0, 255), np.uint8))
        assert put is not None
        frames, ref, freed = Frames(), str(SlotRef(memory.ref, put.offset, put.stamp, 64, 48)), []

        class Camera:
            def seen(self, ref: str) -> None:
                freed.append(ref)

        frames._seen = {"top": Camera().seen}
        asked = asyncio.create_task(
            Snapshot(["top"], lambda: frames, SystemClock())({"input": "top"}, lambda _text: None)
        )
        await asyncio.sleep(0.01)
        with frames.arrived("top", 1, ref):
            pass
        assert freed == [], "negative control: without the hold its camera would have it back by now"
        told = dict(await asked)

        assert freed == [ref]
        assert abs(decoded(told).reshape(-1, 3).mean(0) - [0, 0, 254]).max() < 3
        memory.close()

    asyncio.run(body())


def test_a_line_that_stands_still_shows_its_last_picture_and_a_new_start_none(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    path.write_bytes(cv2.imencode(".png", noise(20, 30))[1].tobytes())
    frames = Frames()
    with pytest.raises(NotDone, match="no picture of top has come") as caught:
        shot(frames)
    assert caught.value.reason == "no-picture"
    with frames.arrived("top", 3, str(path)):
        pass

    told = shot(frames)

    assert (told["sequence"], told["is_new"], told["of"]) == (3, False, [30, 20])


@pytest.mark.parametrize(
    ("content", "text"), [(b"", "empty"), (b"no picture at all", "not a picture"), (None, "No such file")]
)
def test_what_cannot_be_shown_is_told(tmp_path: Path, content: bytes | None, text: str) -> None:
    path = tmp_path / "1.png"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(RipienoError, match=text):
        shot(Frames(), (1, str(path)))


def test_an_input_without_pictures_is_named() -> None:
    with pytest.raises(NotDone, match="there is no input 'belt' with pictures; there are top, side") as caught:
        shot(Frames(), args="belt")
    assert caught.value.reason == "input"


@pytest.mark.parametrize("most", [190_000, 20_000, 2_000])
@pytest.mark.parametrize("size", [(8, 8), (480, 640), (2160, 3840), (3, 4000)])
def test_a_picture_is_as_good_as_its_room_allows(size: tuple[int, int], most: int) -> None:
    told = small(noise(*size), most)
    high, wide = size

    assert len(told["jpeg"]) <= most and decoded(told).shape[:2] == (told["height_px"], told["width_px"])
    assert told["of"] == [wide, high]
    if max(size) <= LONGEST_SIDE_PX and most == 190_000 and size == (8, 8):
        assert (told["width_px"], told["height_px"]) == (8, 8)
