"""What an operator far away may ask of a whole daemon, over real Mosquitto with TLS."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import uvloop
from scenarios.test_control_process import LIMIT_KB, mapped, resident_kb

from ripieno_sim.stage.fleet.demo import DEVICE, Stage, stage_of


async def answer(stage: Stage, kind: str, **args: Any) -> dict[str, Any]:
    return dict(await stage.console.ask(DEVICE, kind, args))


def run(folder: Path, work: Any) -> Any:
    async def whole() -> Any:
        async with stage_of(folder, 40, 7, lambda _text: None) as stage:
            return await work(stage)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(whole())


def test_questions_are_answered_and_a_restart_is_told_by_the_life_behind_it(tmp_path: Path) -> None:
    async def work(stage: Stage) -> dict[str, Any]:
        found = {kind: await answer(stage, kind) for kind in ("status", "logs", "self-test", "safe")}
        found["plan"] = await answer(stage, "plan", bundle="quality-control")
        found["no bundle"] = await answer(stage, "plan", bundle="another")
        found["other plan"] = await answer(stage, "apply", plan="0" * 64)
        found["same plan"] = await answer(stage, "apply", plan=found["plan"]["result"]["plan"])
        found["no question"] = await answer(stage, "answer", id="part-00000001-1/look", answer="yes", **{"as": "anna"})
        boot = stage.console.seen[DEVICE].state["boot"]
        found["restart"] = await answer(stage, "restart")
        found["new boot"] = stage.console.seen[DEVICE].state["boot"] != boot
        found["after"] = (await answer(stage, "status"))["result"]
        found["heavy"], found["kb"] = mapped(stage.daemon.pid), resident_kb(stage.daemon.pid)
        return found

    found = run(tmp_path, work)

    assert found["status"]["result"]["phase"] == "running"
    assert any("ready" in text for _, text in found["logs"]["result"]["lines"])
    assert found["self-test"]["result"]["look"]["fingerprint"]
    assert found["safe"]["state"] == "DONE"
    assert found["plan"]["result"]["changed"] == []
    assert (found["no bundle"]["state"], found["no bundle"]["reason"]) == ("REFUSED", "bundle")
    assert (found["other plan"]["state"], found["other plan"]["reason"]) == ("REFUSED", "plan")
    assert found["same plan"]["result"]["text"] == "nothing has changed"
    assert (found["no question"]["state"], found["no question"]["reason"]) == ("REFUSED", "question")
    assert found["restart"]["state"] == "DONE"
    assert found["new boot"]
    assert found["after"]["lives"] == 2
    assert found["after"]["held"]["by"] == "the fleet", "safe holds over a restart until a person rearms"
    assert found["heavy"] == set()
    assert found["kb"] <= LIMIT_KB, "the control process stays small with orders, TLS and signatures"
