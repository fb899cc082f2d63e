"""What a device file says of storage is what a device keeps while nobody takes its results: file -> plan -> outbox."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from daemon.fleet.virtual import SeededEntropy, VirtualClock, run, storage
from language.bench import DEVICE, compile_texts

from ripieno.plan import Plan
from ripieno_daemon.conducting.timeline import Timeline
from ripieno_daemon.fleet import MessageBroker
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.remote.afar import ROW_BYTES, FarEnd

MOST = 16_000_000 // ROW_BYTES


def plan_of(quota: str) -> Plan:
    return compile_texts(device=DEVICE.replace("quota: 2GB", f"quota: {quota}"))


async def offline(folder: Path, plan: Plan, rows: int) -> tuple[int, int, list[str]]:
    """Make rows with nobody to take them; return how many were given up, how many wait, and what was said."""
    clock, entropy, said = VirtualClock(), SeededEntropy(1), []
    broker, disk = MessageBroker(), storage(folder)
    ports: Any = SimpleNamespace(
        entropy=entropy,
        clock=clock,
        storage=disk,
        broker=lambda plan, boot: broker.client(plan.device, clock, entropy),
        enrolled=lambda plan: None,
        clock_quality=lambda: 2,
    )
    ledger = await Ledger.open(disk.database("ledger.sqlite"), clock, entropy, group_ms=20)
    keeping = asyncio.create_task(ledger.run())
    far = await FarEnd.open(plan, ports, ledger, Timeline(clock, 0, 0), {}, lambda plan: asyncio.sleep(0), said.append)
    assert far is not None
    ledger.on_commit = far.outbox.on_commit
    serving = asyncio.create_task(far.run())
    for number in range(rows):
        ledger.append("decision", number, b"x", stream=True)
    ledger.append("alarm", rows, b"an alarm", stream=True)
    await ledger.flush()
    ledger.save_snapshot(b"all of it", ledger.head()[0])
    await ledger.flush()
    await clock.sleep(30)
    found = far.outbox.given_up, far.outbox.backlog, said
    for task in (serving, keeping):
        task.cancel()
    await asyncio.gather(serving, keeping, return_exceptions=True)
    await far.close()
    await ledger.close()
    return found


def test_the_size_in_the_device_file_bounds_what_waits(tmp_path: Path) -> None:
    given_up, waiting, said = run(offline(tmp_path, plan_of("16MB"), MOST + 1000))

    assert given_up == 1001 and waiting == MOST + 1001, "a hole keeps its numbers"
    assert any("the oldest are given up, and counted" in text for text in said)


@pytest.mark.parametrize(("quota", "rows"), [("16MB", MOST - 1), ("2GB", MOST + 1000)])
def test_below_it_nothing_is_given_up(tmp_path: Path, quota: str, rows: int) -> None:
    """Negative control: the same rows under a larger quota all wait."""
    given_up, waiting, said = run(offline(tmp_path, plan_of(quota), rows))

    assert (given_up, waiting) == (0, rows + 1) and not any("given up" in text for text in said)
