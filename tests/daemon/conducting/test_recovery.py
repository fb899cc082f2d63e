"""A start goes on from what is durable, under whatever plan: the snapshot, and each event by the plan that had it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import pytest
from drivers.virtual import LoopClock, run
from engine.test_handover import stricter
from engine.world import EPOCH, World

from ripieno.engine import EdgeSeen, Engine, Event, pack_event
from ripieno.plan import BrokerPlan, PipelinePlan, Plan, StoragePlan, digest, encode, joined, without_paths
from ripieno_daemon.conducting.recovery import Recovery
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.ports import InlineStorage, SystemEntropy


def device(pipeline: PipelinePlan) -> Plan:
    """Return the plan of a device that runs this pipeline."""
    return Plan(1, "line-1", "site", "litert", (pipeline,), (), BrokerPlan("none", "", 0, ""), StoragePlan(".", 0, 0))


OLD, NEW = device(World().plan), device(stricter())


def plan_record(plan: Plan, how: str = "taken_over", whole: bool = True) -> bytes:
    body: dict[str, Any] = {"plan": digest(plan)} | ({how: True} if how else {})
    packed = msgpack.packb(body | ({"tree": encode(without_paths(plan))} if whole else {}), use_bin_type=True)
    assert isinstance(packed, bytes)
    return packed


def edge(number: int) -> Event:
    return EdgeSeen(number * 100, "photo_eye", True, EPOCH, number, number * 50.0, number * 100)


def recovered(
    folder: Path, plan: Plan, write: Callable[[Ledger], Awaitable[None] | None]
) -> tuple[Recovery, list[str]]:
    """Write into a ledger, open it again and recover from it."""
    said: list[str] = []

    async def opened() -> Ledger:
        clock: Any = LoopClock()
        database = InlineStorage(folder, clock, lambda _: 0.0).database("ledger.sqlite")
        return await Ledger.open(database, clock, SystemEntropy())

    async def main() -> Recovery:
        ledger = await opened()
        write(ledger)
        await ledger.close()
        ledger = await opened()
        recovery = Recovery(plan, ledger, said.append)
        await recovery.run(await ledger.recover())
        await ledger.close()
        return recovery

    return run(main()), said


def numbers(engine: Engine) -> list[int]:
    return [item.id.number for item in engine.passage.books.items()]


def test_a_new_ledger_is_the_heir_of_nobody(tmp_path: Path) -> None:
    recovery, said = recovered(tmp_path, OLD, lambda _: None)

    assert (recovery.is_heir, said) == (False, [])


def test_events_of_the_old_plan_behind_the_snapshot_count_under_the_new_one(tmp_path: Path) -> None:
    def write(ledger: Ledger) -> None:
        ledger.append("plan", 0, plan_record(OLD, ""))
        for number in (1, 2):
            ledger.append("event", number * 100, pack_event(edge(number)))

    recovery, _ = recovered(tmp_path, NEW, write)

    assert recovery.is_heir and recovery.engine.plan == joined(NEW)
    assert numbers(recovery.engine) == [1, 2]
    assert recovery.engine.counters["triggers"] == 2


def test_a_process_that_died_behind_its_plan_record_and_before_its_first_event(tmp_path: Path) -> None:
    def write(ledger: Ledger) -> None:
        ledger.append("plan", 0, plan_record(OLD, ""))
        ledger.append("event", 100, pack_event(edge(1)))
        ledger.append("plan", 200, plan_record(NEW))

    there, _ = recovered(tmp_path / "there", NEW, write)
    back, _ = recovered(tmp_path / "back", OLD, write)

    assert numbers(there.engine) == numbers(back.engine) == [1]
    assert there.engine.plan == joined(NEW) and back.engine.plan == joined(OLD)


@pytest.mark.parametrize("older", [False, True], ids=["its record is named", "an older snapshot names digests alone"])
def test_the_plan_of_a_snapshot_is_read_from_the_ledger(tmp_path: Path, older: bool) -> None:
    def write(ledger: Ledger) -> None:
        record = ledger.append("plan", 0, plan_record(OLD, ""))
        engine = Engine(joined(OLD))
        engine.step(edge(1))
        last = ledger.append("event", 100, pack_event(edge(1)))
        trees: list[Any] = [digest(OLD)] if older else [[digest(OLD), record]]
        ledger.save_snapshot(msgpack.packb([digest(OLD), engine.state(), trees]), last)
        ledger.append("event", 200, pack_event(edge(2)))

    recovery, said = recovered(tmp_path, NEW, write)

    assert numbers(recovery.engine) == [1, 2]
    assert said == ["the plan has changed since the last run: it takes over what is under way"]
    assert digest(OLD) in recovery.trees


def test_a_plan_that_the_ledger_does_not_hold_cannot_be_taken_over_and_that_is_told(tmp_path: Path) -> None:
    def write(ledger: Ledger) -> None:
        ledger.append("plan", 0, plan_record(OLD, "", whole=False))
        ledger.append("event", 100, pack_event(edge(1)))

    recovery, said = recovered(tmp_path, NEW, write)

    assert not recovery.is_heir and numbers(recovery.engine) == []
    assert said[-1] == "ALARM what was under way is given up, and counting begins anew"
    assert "does not hold the plan" in said[0]


def test_an_older_release_began_anew_where_its_plan_changed_and_its_record_is_read_so(tmp_path: Path) -> None:
    def write(ledger: Ledger) -> None:
        ledger.append("plan", 0, plan_record(OLD, ""))
        ledger.append("event", 100, pack_event(edge(1)))
        ledger.append("plan", 200, plan_record(NEW, ""))
        ledger.append("event", 900, pack_event(edge(9)))

    recovery, _ = recovered(tmp_path, NEW, write)

    assert numbers(recovery.engine) == [9]


def test_other_numbers_keep_everything(tmp_path: Path) -> None:
    tuned = device(stricter(least=0.8))

    def write(ledger: Ledger) -> None:
        ledger.append("plan", 0, plan_record(NEW, ""))
        ledger.append("event", 100, pack_event(edge(1)))
        ledger.append("plan", 200, plan_record(tuned, "carried"))

    recovery, _ = recovered(tmp_path, tuned, write)
    unlike = replace(recovery.engine.passage.books.items()[0], why="")

    assert recovery.engine.passage.books.items() == [unlike], "nothing has changed on its way"
