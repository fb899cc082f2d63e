"""A line that runs switches to another release between two decisions, and back; every part is accounted for."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import msgpack
from daemon.updates.releases import packed, reversioned
from daemon.updates.test_power_cut import bring
from scenarios.serving import site

from ripieno_daemon.inquiry import Past, opened, replay, why
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_daemon.ports.update_disk import FolderDisk
from ripieno_daemon.updates.slots import Slots
from ripieno_sim.plant.parts import End
from ripieno_sim.stage.scene import bundle_path

NAME, PARTS = "quality-control", 250


def test_a_running_line_tries_a_release_and_goes_back_without_losing_a_part(tmp_path: Path) -> None:
    disk = FolderDisk(tmp_path / "state")
    slots = Slots(disk, NAME)
    slots.open()
    old = packed(reversioned(bundle_path(), tmp_path / "old", "1.0.1"), 1, sign=False)
    new = packed(reversioned(bundle_path(), tmp_path / "new", "1.1.0"), 2, sign=False)
    bring(slots, old)
    slots.set_factory(old.release.digest)
    bring(slots, new)
    found: dict[str, Any] = {}

    async def look() -> None:
        async with site(tmp_path, parts=PARTS, bundle=Path(slots.current)) as line, line.daemon() as daemon:
            await daemon.until("ready")
            line.start_belt()
            plant = line.rig.plant
            await _until(lambda: len(plant.parts) >= 30)
            slots.try_out(new.release.digest)
            found["there"] = await daemon.ask("reload")
            await _until(lambda: len(plant.parts) >= 140)
            slots.revert("it was bad")
            found["back"] = await daemon.ask("reload")
            await _until(lambda: plant.finished)
            await asyncio.sleep(2.0)  # the last part's outcome is on its way through two processes
            found["plant"] = plant
            daemon.process.terminate()
            found["code"] = await daemon.process.wait()

    asyncio.run(look())
    told = asyncio.run(_recorded(tmp_path / "state"))

    assert found["there"]["ok"] and any("1.0.1 -> 1.1.0" in one for one in found["there"]["changed"])
    assert found["back"]["ok"] and any("1.1.0 -> 1.0.1" in one for one in found["back"]["changed"])
    plant = found["plant"]
    assert {part: verdicts for part, verdicts in told.items() if len(verdicts) != 1} == {}, "one verdict for each part"
    tally = plant.tally({part: verdict for part, (verdict,) in told.items()})
    assert (found["code"], tally.parts, tally.ended) == (0, PARTS, PARTS)
    assert sorted(told) == list(range(PARTS)), "each part has a verdict in the record"
    passed = [part.index for part in plant.parts if part.end is End.PASSED]
    assert passed and all(told[part] == ["good"] for part in passed), "nothing passed that was not decided to be good"
    assert (tally.executed_twice, tally.parts_opened_twice) == (0, 0)
    with opened(tmp_path / "state") as past:
        again = replay(past)
        assert (again["mismatches"], again["left_out"], len(again["plans"])) == (0, [], 3)
        reasons = Counter(one["why"] for one in _decided(past) if one["verdict"] == "undecided")
        sides = [why(past, _decided(past)[at]["id"]) for at in (0, PARTS // 2, PARTS - 1)]
        assert len({one["plan"] for one in sides}) == 2, "each is explained by the plan that decided it"
    print(f"undecided: {dict(reasons)}")


def _decided(past: Past) -> list[dict[str, Any]]:
    """Return all verdicts, in the order of the record."""
    found = [msgpack.unpackb(row.payload or b"", raw=False) for row in past.rows() if row.kind == "decision"]
    return [body for body in found if "verdict" in body]


async def _recorded(state: Path) -> dict[int, list[str]]:
    """Return the verdicts on each part, in the order of the record."""
    told: dict[int, list[str]] = {}
    ledger = await Ledger.open(DiskStorage(state).database("ledger.sqlite"), SystemClock(), SystemEntropy())
    async for record in ledger.records():
        body = msgpack.unpackb(record.payload, raw=False) if record.kind == "decision" else {}
        if "verdict" in body:
            told.setdefault(int(body["item"].rpartition("-")[2]) - 1, []).append(body["verdict"])
    await ledger.close()
    return told


async def _until(check: Any, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - the simulated plant is watched
            await asyncio.sleep(0.02)
