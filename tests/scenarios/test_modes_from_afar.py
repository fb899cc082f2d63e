"""Modes by signed order over real Mosquitto with TLS: in force over a kill, refused with the line's own words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scenarios.test_fleet_orders import answer, run

from ripieno_sim.stage.fleet.stage import Stage


def test_an_order_lets_a_device_observe_over_a_kill_and_takes_an_output_out_of_use(tmp_path: Path) -> None:
    async def work(stage: Stage) -> dict[str, Any]:
        found = {"bypass": await answer(stage, "bypass", output="gate", for_s=600, why="cylinder leaks")}
        found["observe"] = await answer(stage, "observe", why="new model on trial")
        found["manual"] = await answer(stage, "manual", output="flow", to="105", for_s=60)
        found["too long"] = await answer(stage, "bypass", output="flow", for_s=9 * 3600)
        await stage.kill()
        await stage.start()
        found["after the kill"] = (await answer(stage, "status"))["result"]["modes"]
        found["act"] = await answer(stage, "act")
        found["auto"] = await answer(stage, "auto", output="gate")
        found["end"] = (await answer(stage, "status"))["result"]["modes"]
        return found

    found = run(tmp_path, work)

    assert [found[kind]["state"] for kind in ("bypass", "observe", "act", "auto")] == ["DONE"] * 4
    assert "safe state (divert)" in found["bypass"]["result"]["text"]
    assert found["manual"]["state"] == "REFUSED" and "only observes" in found["manual"]["text"]
    assert found["too long"]["state"] == "REFUSED" and "longest_override" in found["too long"]["text"]
    kept = found["after the kill"]
    assert kept["observes"]["quality-control"]["by"] == "the fleet"
    taken = [(one["output"], one["how"], one["why"]) for one in kept["overrides"]]
    assert taken == [("gate", "bypass", "cylinder leaks")]
    assert (found["end"]["observes"], found["end"]["overrides"]) == ({}, [])
