"""A device that dies at any instant of an order: an actuation is done at most once, and never silently.

The order is killed every half millisecond of its way; each write to the disk takes 2 ms of virtual time.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from daemon.fleet.virtual import run
from daemon.orders.kit import Device, Operator

from ripieno_daemon.orders import OrderDesk

STEPS = 48
STEP_S = 0.0005


async def killed_at(folder: Path, kind: str, at_s: float, desk: type[OrderDesk], after_s: float) -> tuple[int, str]:
    """Return how often it was done and how it ended, the operator asking again until there is an end."""
    device = Device(folder, latency_s=0.002)
    device.desk_type = desk
    await device.start()
    args = {"settings": {"values": {}}}.get(kind, {})
    message = Operator(device).ask(kind, args=args)
    device.take(message)
    await device.clock.sleep(at_s)
    await device.kill()
    device.answers.clear()
    await device.clock.sleep(after_s)
    await device.start()
    await device.clock.sleep(1)
    device.take(message)
    await device.clock.sleep(1)
    await device.kill()
    return sum(done == kind for done, _ in device.done), device.answers[-1]["state"]


def ends(folder: Path, kind: str, desk: type[OrderDesk] = OrderDesk, after_s: float = 0.1) -> list[tuple[int, str]]:
    return [run(killed_at(folder / str(step), kind, step * STEP_S, desk, after_s)) for step in range(STEPS)]


def test_an_actuation_is_done_at_most_once_and_what_nobody_knows_is_unknown(tmp_path: Path) -> None:
    found = ends(tmp_path, "restart")

    assert max(count for count, _ in found) == 1
    assert {state for _, state in found} == {"DONE", "UNKNOWN"}
    for count, state in found:
        assert count == 1 or state == "UNKNOWN", "it was not done, and is called done"


def test_what_may_be_done_twice_is_done_again_until_it_is_known_to_be_done(tmp_path: Path) -> None:
    found = ends(tmp_path, "settings")

    assert {state for _, state in found} == {"DONE"}
    assert 2 in {count for count, _ in found}


@pytest.mark.parametrize(("kind", "wanted"), [("settings", {"DONE", "UNKNOWN", "EXPIRED", "REFUSED"})])
def test_after_its_expiry_nothing_is_begun_anew(tmp_path: Path, kind: str, wanted: set[str]) -> None:
    found = ends(tmp_path, kind, after_s=20)

    assert max(count for count, _ in found) == 1
    assert {state for _, state in found} == wanted


def test_a_desk_that_is_run_again_does_not_resume_what_it_resumed(tmp_path: Path) -> None:
    """A supervisor may run it again after a failure, in the same life."""

    async def body() -> int:
        device = Device(tmp_path)
        await device.start()
        device.take(Operator(device).ask("restart"))
        await device.clock.sleep(0.0015)  # in the journal, not begun
        await device.kill()
        assert not device.done
        await device.start()
        await device.clock.sleep(1)
        assert device._task is not None
        device._task.cancel()
        await asyncio.gather(device._task, return_exceptions=True)
        device._task = asyncio.create_task(device.desk.run())
        await device.clock.sleep(1)
        await device.kill()
        return len(device.done)

    assert run(body()) == 1


class WithoutIntent(OrderDesk):
    """The mistake: it is done without being begun in the journal first."""

    async def run(self) -> None:
        async def nothing(_id: bytes) -> None:
            pass

        self._journal.begin = nothing  # type: ignore[method-assign]
        await super().run()


def test_without_an_intent_an_actuation_is_done_twice_and_the_check_sees_it(tmp_path: Path) -> None:
    assert max(count for count, _ in ends(tmp_path, "restart", WithoutIntent)) == 2
