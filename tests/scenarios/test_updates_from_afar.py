"""Releases pushed to a whole daemon that runs a line, over real Mosquitto with TLS: bad ones of every kind, a broker
that is gone, kills at every phase. The old or the new one runs, never neither, and every part has its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop
from scenarios.bad_releases import RUNTIME, Careless
from scenarios.test_control_process import LIMIT_KB, mapped, resident_kb

from ripieno_daemon.bundles.packed_file import PackedBundle
from ripieno_daemon.console import Pushing
from ripieno_daemon.console.releases import told_of
from ripieno_daemon.ports import SystemClock
from ripieno_daemon.trust.founding import FleetFolder
from ripieno_sim.stage.fleet.demo import ENDLESS, HISTORY, unaccounted
from ripieno_sim.stage.fleet.releases import NAME
from ripieno_sim.stage.fleet.stage import DEVICE, Stage, stage_of

LONG_S = 240.0  # a loaded machine leaves a self-test, which is niced, little


class Plant:
    """A stage whose bundle can be updated, and somebody who makes releases for it."""

    def __init__(self, stage: Stage, makes: Careless) -> None:
        self.stage, self.makes = stage, makes

    @property
    def told(self) -> dict[str, Any]:
        return dict(told_of(self.stage.console.seen[DEVICE].state, NAME))

    async def start_belt(self) -> None:
        self.stage.start_belt()
        await self.parts(20)

    async def parts(self, more: int) -> None:
        """Wait until so many more parts have come."""
        plant = self.stage.rig.plant
        wanted = len(plant.parts) + more
        await self.stage.until(lambda: len(plant.parts) >= wanted, "parts", LONG_S)

    async def until_phase(self, phase: str) -> None:
        await self.stage.until(lambda: self.told.get("phase") == phase, phase, LONG_S)

    async def end(self) -> int:
        """End the belt and stop the daemon; return how many parts nobody can account for."""
        stage = self.stage
        await stage.end_belt()
        await asyncio.sleep(1.0)  # the last part's outcome is on its way through two processes
        stage.daemon.terminate()
        assert await stage.daemon.wait() == 0
        return await unaccounted(stage.state, stage.rig.plant.parts)


def run(folder: Path, trial: str, work: Callable[[Plant], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        (folder / "releases").mkdir()
        made: list[Careless] = []

        async def deliver(fleet: FleetFolder) -> PackedBundle:
            made.append(Careless(folder / "releases", fleet.signer("operator")))
            return made[0].factory()

        async with stage_of(folder, ENDLESS, 7, lambda _text: None, deliver, trial, RUNTIME) as stage:
            return await work(Plant(stage, made[0]))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(whole())


def test_every_kind_of_bad_release_is_refused_by_its_name_and_the_old_one_runs_on(tmp_path: Path) -> None:
    async def work(plant: Plant) -> dict[str, Any]:
        bad = await asyncio.to_thread(plant.makes.all_bad)
        factory = plant.told["confirmed"]
        await plant.start_belt()
        found: dict[str, Any] = {"ends": {}, "names": {kind: name for kind, (_, name) in bad.items()}}
        for kind, (bundle, _) in bad.items():
            end = await plant.stage.push(bundle)
            found["ends"][kind] = (end.what, end.why)
            assert plant.told["confirmed"] == factory and plant.told["trial"] == ""
        found["lives"] = (await plant.stage.order("status"))["result"]["lives"]
        found["kb"], found["heavy"] = resident_kb(plant.stage.daemon.pid), mapped(plant.stage.daemon.pid)
        found["unaccounted"] = await plant.end()
        return found

    found = run(tmp_path, "{results: 50, soak: 1s}", work)

    for kind, name in found["names"].items():
        what, why = found["ends"][kind]
        assert what == "refused" and why.startswith(f"{name}: "), f"{kind}: {what}: {why}"
    assert len(found["ends"]) >= 7
    assert found["lives"] == 1, "none of them ever reached the line"
    assert found["heavy"] == set()
    assert found["kb"] <= LIMIT_KB, "the control process stays small with orders, TLS and updates"
    assert found["unaccounted"] == 0


def test_what_only_the_line_finds_out_is_reverted_with_the_broker_gone(tmp_path: Path) -> None:
    async def work(plant: Plant) -> dict[str, Any]:
        stage, bundle = plant.stage, await plant.makes.worse()
        before = plant.told["confirmed"]
        await plant.start_belt()
        await plant.parts(HISTORY)
        pushing = Pushing(stage.console, SystemClock(), DEVICE, bundle)
        async with stage.hatch.open(stage.console, bundle):
            await stage.apply(pushing)
            await plant.until_phase("on trial")
        stage.broker.kill()
        await stage.until(lambda: _heard(stage, "update", "reverted") is not None, "the old release", LONG_S)
        verdict, reverted = _heard(stage, "verdict", "given up"), _heard(stage, "update", "reverted")
        assert verdict is not None and reverted is not None
        status = await asyncio.to_thread(_ask_here, stage)
        await plant.parts(20)
        return {
            "ms": reverted["ms"] - verdict["ms"],
            "why": verdict["text"],
            "confirmed": status["releases"][NAME]["confirmed"] == before,
            "phase": status["releases"][NAME]["phase"],
            "unaccounted": await plant.end(),
        }

    found = run(tmp_path, "{results: 60, soak: 1s}", work)

    print(f"from the verdict until the old release runs: {found['ms']} ms")
    assert "shift: labels have moved" in found["why"]
    assert found["confirmed"] and found["phase"] == "idle"
    assert found["unaccounted"] == 0


def test_a_daemon_that_is_killed_in_each_phase_goes_on_where_it_was(tmp_path: Path) -> None:
    async def work(plant: Plant) -> dict[str, Any]:
        stage, bundle = plant.stage, plant.makes.good("1.0.1")
        await plant.start_belt()
        pushing, seen = Pushing(stage.console, SystemClock(), DEVICE, bundle), []
        async with stage.hatch.open(stage.console, bundle):
            plan = str((await pushing.plan())["plan"])
        await pushing.apply(plan)
        for phase in ("pulling", "testing", "on trial"):
            await plant.until_phase(phase)
            seen.append(phase)
            await stage.kill()
            if phase == "pulling":
                async with stage.hatch.open(stage.console, bundle):
                    await stage.start()
                    await plant.until_phase("testing")
            else:
                await stage.start()  # from now on nobody hands it out
        await stage.until(lambda: plant.told.get("confirmed") == bundle.release.digest, "it is kept", LONG_S)
        return {"seen": seen, "floor": plant.told["floor"], "unaccounted": await plant.end()}

    found = run(tmp_path, "{results: 60, soak: 3s}", work)

    assert found["seen"] == ["pulling", "testing", "on trial"]
    assert found["floor"] == 3
    assert found["unaccounted"] == 0


def _heard(stage: Stage, event: str, text: str) -> dict[str, Any] | None:
    return next((one for one in stage.heard if one["event"] == event and text in str(one["text"])), None)


def _ask_here(stage: Stage) -> dict[str, Any]:
    from ripieno_daemon.ports.local_socket import LocalClient

    client = LocalClient(stage.state / "control.sock")
    try:
        return client.ask("status")
    finally:
        client.close()
