"""A driver that crashes, blocks the loop or hangs: seen, named, and survived or handed to systemd."""

from __future__ import annotations

import asyncio
from pathlib import Path

from scenarios.serving import FLOW, GATE, site

FLOW_SAFE = 10_000
BAD_DAY = str(Path(__file__).with_name("bad_day.py"))


def test_a_driver_that_crashes_is_opened_anew_and_the_line_goes_on(tmp_path: Path) -> None:
    async def look() -> tuple[dict, int]:
        async with site(tmp_path) as line, line.daemon(prefix=(BAD_DAY, "crash:2")) as daemon:
            await daemon.until("stop", "a bug in a driver")
            await daemon.until("ready")
            line.start_belt()
            async with asyncio.timeout(20):
                while not line.rig.plant.gate.openings:  # noqa: ASYNC110  another process is watched
                    await asyncio.sleep(0.05)
            return await daemon.ask("status"), daemon.process.pid

    told, pid = asyncio.run(look())

    assert told["pid"] == pid and told["lives"] == 1, "the process and its other parts went on"
    assert [stop["part"] for stop in told["stops"]] == ["device conveyor"] * 2
    stop = told["stops"][0]
    assert "a bug in a driver" in stop["cause"] and "bad_day.py:" in stop["evidence"] and stop["next_step"]
    assert told["healthy"] and told["held"] is None


def test_a_driver_that_crashes_too_often_makes_its_pipeline_fall_safe_and_the_daemon_answers(tmp_path: Path) -> None:
    async def look() -> tuple[dict, int, int]:
        async with site(tmp_path) as line, line.daemon(prefix=(BAD_DAY, "crash:100")) as daemon:
            await daemon.until("stop", "rests for 60 s", seconds=60)
            await daemon.until("alarm", "outputs are held safe by the supervisor")
            return await daemon.ask("status"), line.level(FLOW), line.level(GATE)

    told, flow, gate = asyncio.run(look())

    assert told["held"]["by"] == "the supervisor"
    assert "a bug in a driver" in told["held"]["why"]
    assert (flow, gate) == (FLOW_SAFE, 0)
    assert told["devices"]["station"]["up"], "the other devices go on"


def test_a_blocked_loop_is_named_by_file_and_line(tmp_path: Path) -> None:
    async def look() -> tuple[dict, dict]:
        async with site(tmp_path) as line, line.daemon(prefix=(BAD_DAY, "sleep:2.5")) as daemon:
            blocked = await daemon.until("blocked")
            await daemon.until("alarm", "was blocked for")
            return blocked, await daemon.ask("status")

    blocked, told = asyncio.run(look())

    assert "bad_day.py:" in blocked["text"] and "in a_callback_that_takes_its_time" in blocked["text"]
    assert "time.sleep(seconds)" in blocked["text"], "the stack shows the line itself"
    assert told["loop_blocked"] == 1
    assert any(one["code"] == "blocked" for one in told["alarms"])


def test_a_driver_that_hangs_starves_the_watchdog_though_the_loop_turns(tmp_path: Path) -> None:
    """A rival's daemon is "active" for ever in this state; here systemd is not fed and is told why."""

    async def look() -> tuple[int, dict, int]:
        async with site(tmp_path) as line, line.daemon(prefix=(BAD_DAY, "hang")) as daemon:
            await daemon.until("alarm", "device conveyor has made no progress", seconds=40)
            fed = daemon.notified.count("WATCHDOG=1")
            await asyncio.sleep(3)
            return fed, await daemon.ask("health"), daemon.notified.count("WATCHDOG=1")

    before, told, after = asyncio.run(look())

    assert before > 3
    assert after == before
    assert told["healthy"] is False
