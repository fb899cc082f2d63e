"""A picture's place comes back to its camera exactly once, when the last step has answered."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ripieno_daemon.conducting.frames import Frames


class Camera:
    """A PictureDevice that remembers what it was told."""

    def __init__(self) -> None:
        self.seen_refs: list[str] = []

    def seen(self, ref: str) -> None:
        self.seen_refs.append(ref)

    async def run(self) -> None: ...
    async def fire(self, pulse: Any, note: bytes = b"") -> Any: ...
    def withdraw(self, act: Any) -> None: ...
    def set(self, setpoint: Any) -> None: ...
    def rearm(self) -> None: ...


def bound() -> tuple[Frames, Camera]:
    frames, camera = Frames(), Camera()
    frames.bind({"top": camera})
    return frames, camera


def test_a_picture_that_no_step_wants_is_given_back_at_once() -> None:
    frames, camera = bound()

    with frames.arrived("top", 1, "a"):
        assert camera.seen_refs == []

    assert (camera.seen_refs, len(frames)) == (["a"], 0)


def test_two_steps_share_a_picture_and_the_last_gives_it_back() -> None:
    frames, camera = bound()
    with frames.arrived("top", 1, "a"):
        assert [frames.take("top", 1), frames.take("top", 1)] == ["a", "a"]

    frames.done("top", 1)
    assert camera.seen_refs == []
    frames.done("top", 1)

    assert camera.seen_refs == ["a"]


def test_a_camera_whose_places_are_not_used_again_is_not_asked() -> None:
    frames, _ = bound()

    with frames.arrived("other", 1, "/folder/1.png"):
        assert frames.take("other", 1) == "/folder/1.png"
    frames.done("other", 1)

    assert len(frames) == 0


def test_a_step_that_is_given_up_twice_gives_back_once() -> None:
    frames, camera = bound()
    with frames.arrived("top", 1, "a"):
        frames.take("top", 1)

    for _ in range(3):
        frames.done("top", 1)

    assert camera.seen_refs == ["a"]


def test_a_picture_that_was_never_told_of_has_no_place() -> None:
    frames, _ = bound()

    assert frames.take("top", 9) == ""
    frames.done("top", 9)


def test_who_looks_on_gets_the_next_picture_and_holds_it_until_it_was_looked_at() -> None:
    async def body() -> None:
        frames, camera = bound()
        with frames.arrived("top", 1, "a"):
            pass
        looking = asyncio.create_task(frames.next("top"))
        await asyncio.sleep(0)
        with frames.arrived("top", 2, "b"):
            pass
        kept = await looking
        assert kept == (2, "b", True) and camera.seen_refs == ["a"], "held: the step that was given it is done"
        assert frames.last("top") == (2, "b", False) and frames.last("side") is None
        frames.done("top", 2)
        assert camera.seen_refs == ["a", "b"] and len(frames) == 0

    asyncio.run(body())


def test_who_goes_away_before_or_in_the_turn_of_the_picture_holds_nothing() -> None:
    async def body() -> None:
        frames, camera = bound()
        for turns in range(4):
            looking = asyncio.create_task(frames.next("top"))
            await asyncio.sleep(0)
            if turns < 2:
                looking.cancel()
            if turns % 2:
                await asyncio.sleep(0)
            with frames.arrived("top", turns, str(turns)):
                pass
            looking.cancel()
            try:
                frames.done("top", (await looking).sequence)
            except asyncio.CancelledError:
                pass
        assert camera.seen_refs == ["0", "1", "2", "3"] and len(frames) == 0

    asyncio.run(body())


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), max_size=30))
def test_nothing_stays_behind(arrivals: list[tuple[int, int]]) -> None:
    frames, camera = bound()
    for number, (_, steps) in enumerate(arrivals):
        with frames.arrived("top", number, str(number)):
            for _ in range(steps):
                frames.take("top", number)
    for number, (_, steps) in enumerate(arrivals):
        for _ in range(steps):
            frames.done("top", number)

    assert len(frames) == 0
    assert sorted(map(int, camera.seen_refs)) == list(range(len(arrivals)))
