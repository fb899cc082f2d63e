"""Clocks that jump and processes that stand still: no decision, timer or act comes early, late or twice for it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from scenarios.odd_clock import BOOT, WALL, step
from scenarios.serving import FLOW, GATE, Daemon, Site, site
from scenarios.test_service import FLOW_SAFE, openings, sooner

from ripieno_daemon.conducting.timeline import Timeline
from ripieno_sim.stage.ports import VirtualClock
from ripieno_sim.stage.report import broken
from ripieno_sim.stage.scene import Settings
from ripieno_sim.stage.virtual import run_virtual

ODD_CLOCK = str(Path(__file__).with_name("odd_clock.py"))
HOUR_NS = 3_600_000_000_000


def run(folder: Path, kills: int = 0) -> dict[str, Any]:
    folder.mkdir()
    figures = run_virtual(Settings(parts=60, seed=11, kills=kills), folder, lambda _: None)
    assert broken(figures) == []
    return {key: figures[key] for key in ("outcome", "actuation", "control", "virtual_s", "starts")}


def stepping(every_s: float) -> Any:
    """A wall clock that somebody sets by hours, back and forth, every so many seconds; leap seconds too."""
    true = VirtualClock.wall_ns

    def wall_ns(clock: VirtualClock) -> int:
        turn = int(clock.now_us() / 1e6 / every_s)
        return true(clock) + (0, 5 * HOUR_NS, -9 * HOUR_NS, 1_000_000_000, -1_000_000_000)[turn % 5]

    return wall_ns


def test_a_clock_that_is_set_by_hours_changes_no_decision_and_no_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole daemon in virtual time: the same seed decides and moves the same, whatever UTC does meanwhile."""
    steady = run(tmp_path / "steady")
    monkeypatch.setattr(VirtualClock, "wall_ns", stepping(1.7))
    stepped = run(tmp_path / "stepped")

    assert stepped == steady


def test_a_timeline_by_the_wall_clock_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with ages by UTC the same steps change what becomes of parts."""
    steady = run(tmp_path / "steady")
    monkeypatch.setattr(VirtualClock, "wall_ns", stepping(1.7))
    monkeypatch.setattr(Timeline, "now", lambda self: self._clock.wall_ns())
    try:
        stepped = run(tmp_path / "stepped")
    except (AssertionError, ValueError, TimeoutError, ExceptionGroup):
        return

    assert stepped != steady


async def counters(daemon: Daemon) -> dict[str, int]:
    told: dict[str, int] = (await daemon.ask("status"))["counters"]
    return told


async def runs_on(line: Site, daemon: Daemon, more: int = 4) -> None:
    """Wait until so many more parts were let through."""
    before = openings(line)
    await sooner(lambda: openings(line) >= before + more, 20)


def test_the_clock_of_a_running_daemon_is_set_and_the_line_runs_on(tmp_path: Path) -> None:
    async def look() -> dict[str, Any]:
        clocks = tmp_path / "clocks"
        step(clocks, WALL, 0)
        async with site(tmp_path) as line, line.daemon(prefix=(ODD_CLOCK, str(clocks))) as daemon:
            await daemon.until("ready")
            line.start_belt()
            await runs_on(line, daemon)
            before = await counters(daemon)
            for by_s in (5 * 3600, -9 * 3600, 1, 0):
                step(clocks, WALL, by_s)
                await runs_on(line, daemon, 2)
            return {"before": before, **await daemon.ask("status"), "notified": list(daemon.notified)}

    told = asyncio.run(look())

    assert told["counters"].get("undecided", 0) == told["before"].get("undecided", 0)
    assert told["counters"]["good"] > told["before"]["good"]
    assert told["healthy"] and told["alarms"] == [] and told["stops"] == []


def test_after_a_suspend_everything_is_as_old_as_it_is_and_the_line_goes_on(tmp_path: Path) -> None:
    """CLOCK_BOOTTIME jumps by eight hours, as it does for who wakes: no part is called stuck, and no act is late."""

    async def look() -> dict[str, Any]:
        clocks = tmp_path / "clocks"
        step(clocks, BOOT, 0)
        async with site(tmp_path) as line, line.daemon(prefix=(ODD_CLOCK, str(clocks))) as daemon:
            await daemon.until("ready")
            line.start_belt()
            await runs_on(line, daemon)
            group = family(daemon.process.pid)
            stand_still(group)
            await sooner(lambda: line.level(GATE) == 0 and line.level(FLOW) == FLOW_SAFE, 3)
            step(clocks, BOOT, 8 * 3600)
            go_on(group)
            await runs_on(line, daemon)
            return {**await daemon.ask("status"), "said": [one.get("text", "") for one in daemon.said]}

    told = asyncio.run(look())

    assert told["lives"] == 1 and told["healthy"] and told["stops"] == []
    assert [one["code"] for one in told["alarms"]] == ["asleep"]
    assert not any("no progress" in text for text in told["said"])


def test_a_process_group_that_stands_still_costs_parts_and_the_board_falls_safe_meanwhile(tmp_path: Path) -> None:
    async def look() -> dict[str, Any]:
        found: dict[str, Any] = {}
        async with site(tmp_path) as line, line.daemon() as daemon:
            await daemon.until("ready")
            line.start_belt()
            await sooner(lambda: openings(line) >= 2 and line.level(FLOW) != FLOW_SAFE, 40)
            group = family(daemon.process.pid)
            found["processes"] = len(group)
            stand_still(group)
            await sooner(lambda: line.level(FLOW) == FLOW_SAFE and line.level(GATE) == 0, 3)
            still = openings(line)
            await asyncio.sleep(3.2)
            found["moved meanwhile"] = openings(line) - still
            go_on(group)
            await runs_on(line, daemon)

            found |= await daemon.ask("status")
        return found

    told = asyncio.run(look())

    assert told["processes"] >= 2, "the daemon and a worker"
    assert told["moved meanwhile"] == 0
    assert told["lives"] == 1 and told["healthy"]
    assert [one["code"] for one in told["alarms"]] == ["asleep"]


def family(pid: int) -> list[int]:
    """Return a process and all that come from it."""
    found = [pid]
    for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += family(int(one))
    return found


def stand_still(group: list[int]) -> None:
    for pid in group:
        os.kill(pid, signal.SIGSTOP)


def go_on(group: list[int]) -> None:
    for pid in reversed(group):
        os.kill(pid, signal.SIGCONT)
