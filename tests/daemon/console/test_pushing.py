"""Watching an update whose device may go, come back, and have forgotten; in virtual time."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from daemon.fleet.virtual import VirtualClock, run

from ripieno_daemon.console import Declined, End, NotAnswered, Pushing, Seen

OLD, NEW = "a" * 64, "b" * 64
BUNDLE: Any = SimpleNamespace(release=SimpleNamespace(digest=NEW, name="colours"), head=b"head")
REST: dict[str, Any] = {"phase": "idle", "confirmed": OLD, "trial": "", "arriving": "", "refused": [], "last": {}}
PULLING = {**REST, "phase": "pulling", "arriving": NEW, "done_bytes": 1, "of_bytes": 4}


class Told:
    """A console that hears what a test says that line-1 tells, and answers orders with `answer`."""

    def __init__(self, online: bool = True) -> None:
        self.seen = {"line-1": Seen()}
        self.answer: dict[str, Any] = {"state": "DONE", "result": {"plan": "hash"}}
        self.asked: list[tuple[str, Any]] = []
        self.tell(REST, online)

    def tell(self, told: dict[str, Any], online: bool = True) -> None:
        self.seen["line-1"].state = {"online": online, "releases": {"colours": told}}

    async def ask(self, device: str, kind: str, args: Any) -> dict[str, Any]:
        self.asked.append((kind, args))
        return self.answer


def watched(*steps: tuple[float, dict[str, Any], bool], limit_s: float = 3600) -> tuple[Any, float, list[str]]:
    """Watch while the device tells each (after so many seconds); return the end, when it came, and what was shown."""

    async def body() -> tuple[Any, float, list[str]]:
        clock, console, shown = VirtualClock(), Told(), []
        pushing = Pushing(console, clock, "line-1", BUNDLE)  # type: ignore[arg-type]
        await pushing.apply("hash")

        def show(text: str) -> None:
            if shown[-1:] != [text]:
                shown.append(text)

        async def tell() -> None:
            for after_s, told, online in steps:
                await clock.sleep(after_s)
                console.tell(told, online)

        telling = asyncio.create_task(tell())
        try:
            async with asyncio.timeout(limit_s):
                end = await pushing.watch(show)
        except TimeoutError:
            end = None
        telling.cancel()
        return end, clock.monotonic_ns() / 1e9, shown

    return run(body())


def test_how_far_it_is_is_shown_until_it_ends() -> None:
    trial = {**REST, "phase": "on trial", "trial": NEW, "results": 3, "of_results": 30}
    kept = {**REST, "confirmed": NEW, "last": {"what": "confirmed", "release": NEW, "why": "30 results"}}
    end, _, shown = watched((1, PULLING, True), (5, {**REST, "phase": "testing", "arriving": NEW}, True))
    assert end is None and shown == ["begun", "pulling, 25 %", "testing"]

    end, at_s, shown = watched((1, PULLING, True), (5, trial, True), (20, kept, True))
    assert end == End("confirmed", "30 results") and at_s == pytest.approx(26, abs=0.2)
    assert shown == ["begun", "pulling, 25 %", "on trial, 3 of 30 results"]


def test_a_device_that_is_away_is_waited_for_and_one_that_has_forgotten_is_not() -> None:
    end, at_s, shown = watched((1, PULLING, True), (1, PULLING, False), (1800, PULLING, True), (5, REST, True))
    assert end is not None and end.what == "lost" and at_s == pytest.approx(1807 + 10, abs=0.5)
    assert "offline; it goes on when it is back" in shown

    assert watched((1, REST, True))[0] is None, "what was not seen to begin is waited for: its state may be on its way"
    end, _, _ = watched((1, PULLING, True), (5, REST, True), (8, PULLING, True), (60, {**REST, "confirmed": NEW}, True))
    assert end == End("confirmed", ""), "8 seconds of nothing, while a device begins anew, are not the end"


def test_an_offline_device_is_told_at_once_and_a_refusal_has_its_reason() -> None:
    async def body() -> None:
        away = Told(online=False)
        with pytest.raises(NotAnswered, match="line-1 is offline"):
            await Pushing(away, VirtualClock(), "line-1", BUNDLE).plan()  # type: ignore[arg-type]
        assert away.asked == []
        console = Told()
        pushing = Pushing(console, VirtualClock(), "line-1", BUNDLE)  # type: ignore[arg-type]
        assert (await pushing.plan())["plan"] == "hash"
        assert console.asked == [("plan", {"bundle": f"{NEW}:4"})]
        for answer, reason in (
            ({"state": "REFUSED", "reason": "rollback", "text": "no"}, "rollback"),
            ({"state": "UNKNOWN"}, "unknown"),
        ):
            console.answer = answer
            with pytest.raises(Declined) as caught:
                await pushing.apply("hash")
            assert caught.value.reason == reason

    run(body())
