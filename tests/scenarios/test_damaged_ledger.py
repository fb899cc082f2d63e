"""A damaged record stops no line: at a start and while parts go by, and a person is told until he says so."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from scenarios.serving import Daemon, site
from scenarios.test_service import openings, sooner

from ripieno_daemon.ledger import verify

NAME = "ledger.sqlite"


async def alarms(daemon: Daemon) -> dict[str, str]:
    """Return the alarms about the record."""
    told = await daemon.ask("alarms")
    return {one["name"]: one["text"] for one in told["alarms"] if one["code"] == "ledger-damaged"}


def test_a_start_on_a_damaged_ledger_serves_and_the_alarm_outlives_a_restart(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[float], dict[str, str], dict[str, str], int]:
        ready: list[float] = []
        async with site(tmp_path) as line:
            async with line.daemon() as daemon:
                ready.append((await daemon.until("ready"))["ms"])
                line.start_belt()
                await sooner(lambda: openings(line) >= 2)
                daemon.process.kill()
                await daemon.process.wait()
            ledger = tmp_path / "state" / NAME
            ledger.write_bytes(os.urandom(20_000))
            ledger.with_name(f"{NAME}-wal").write_bytes(os.urandom(20_000))  # it held all pages
            async with line.daemon() as daemon:
                ready.append((await daemon.until("ready"))["ms"])
                before = openings(line)
                await sooner(lambda: openings(line) > before + 2, 30)
                await daemon.until("alarm", "the record was damaged")
                told = await alarms(daemon)
                daemon.process.kill()
                await daemon.process.wait()
            async with line.daemon() as daemon:
                ready.append((await daemon.until("ready"))["ms"])
                await daemon.until("alarm", "the record was damaged")
                again = await alarms(daemon)
                await daemon.ask("acknowledge", name="all")
                assert await alarms(daemon) == {}
                daemon.process.terminate()
                code = await daemon.process.wait()
            async with line.daemon() as daemon:
                await daemon.until("ready")
                await asyncio.sleep(1.5)  # the alarms are looked at once a second
                assert await alarms(daemon) == {}
        return ready, told, again, code

    ready, told, again, code = asyncio.run(scenario())

    assert len(told) == 1 and told == again and code == 0
    assert ready[1] < 3 * ready[0] + 500, "as fast as any start"
    (folder,) = (tmp_path / "state").glob("ledger.damaged-*")
    assert (folder / "acknowledged").exists() and (folder / "rescued").exists()
    assert verify(tmp_path / "state" / NAME).is_whole


def test_a_ledger_that_is_deleted_under_a_running_line_costs_no_part(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, dict[str, str], dict]:
        async with site(tmp_path) as line:
            async with line.daemon() as daemon:
                await daemon.until("ready")
                line.start_belt()
                await sooner(lambda: openings(line) >= 2)
                (tmp_path / "state" / NAME).unlink()
                await daemon.until("alarm", "the record was damaged")
                before = openings(line)
                await sooner(lambda: openings(line) > before + 2, 30)
                told, standing = await alarms(daemon), await daemon.ask("status")
                daemon.process.kill()
                await daemon.process.wait()
            async with line.daemon() as daemon:
                await daemon.until("ready")
                before = openings(line)
                await sooner(lambda: openings(line) > before + 1, 30)
                after = await daemon.ask("status")
                daemon.process.terminate()
                await daemon.process.wait()
        return after["counters"]["triggers"], told, standing

    counted_after, told, standing = asyncio.run(scenario())

    assert len(told) == 1
    assert standing["ledger"]["durable"] and standing["lives"] == 1 and standing["stops"] == []
    assert standing["counters"].get("undecided", 0) == 0, "control went on"
    assert counted_after > standing["counters"]["triggers"], "the restart knows what the deleted ledger had counted"
    (folder,) = (tmp_path / "state").glob("ledger.damaged-*")
    assert verify(folder / NAME).is_whole, "salvaged from the open file"
    assert verify(tmp_path / "state" / NAME).is_whole
