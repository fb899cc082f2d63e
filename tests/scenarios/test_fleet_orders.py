"""What an operator far away may ask of a whole daemon, over real Mosquitto with TLS."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import uvloop
from scenarios.test_control_process import LIMIT_KB, mapped, resident_kb

from ripieno_sim.stage.fleet.demo import SETTING, STRICTER, change_setting
from ripieno_sim.stage.fleet.stage import DEVICE, Stage, stage_of


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
        found["no picture"] = await answer(stage, "snapshot", input="top")
        found["no camera"] = await answer(stage, "snapshot", input="belt")
        found["effective"] = stage.console.seen[DEVICE].report["effective"]
        found["settings"] = await answer(stage, "settings", values={SETTING: STRICTER})
        found["bad setting"] = await answer(stage, "settings", values={SETTING: 7, "no.such": 1})
        found["no bundle"] = await answer(stage, "plan", bundle="another")
        found["other plan"] = await answer(stage, "apply", plan="0" * 64)
        found["same plan"] = await answer(stage, "apply", plan=found["plan"]["result"]["plan"])
        found["no question"] = await answer(stage, "answer", id="part-00000001-1/look", answer="yes", **{"as": "anna"})
        boot = stage.console.seen[DEVICE].state["boot"]
        found["restart"] = await answer(stage, "restart")
        await stage.until(lambda: stage.console.seen[DEVICE].state["boot"] != boot, "the state of the life behind it")
        found["after"] = (await answer(stage, "status"))["result"]
        found["heavy"], found["kb"] = mapped(stage.daemon.pid), resident_kb(stage.daemon.pid)
        return found

    found = run(tmp_path, work)

    assert found["status"]["result"]["phase"] == "running"
    assert any("ready" in text for _, text in found["logs"]["result"]["lines"])
    assert found["self-test"]["result"]["look"]["fingerprint"]
    assert found["safe"]["state"] == "DONE"
    assert found["plan"]["result"]["changed"] == []
    assert found["no picture"]["reason"] == "no-picture", "the belt stands still"
    assert found["no camera"]["reason"] == "input" and "there are top" in found["no camera"]["text"]
    assert found["settings"]["result"]["effective"] == {**found["effective"], SETTING: STRICTER}
    assert (found["bad setting"]["state"], found["bad setting"]["reason"]) == ("REFUSED", "settings")
    assert SETTING in found["bad setting"]["text"] and "no.such" in found["bad setting"]["text"]
    assert (found["no bundle"]["state"], found["no bundle"]["reason"]) == ("REFUSED", "bundle")
    assert (found["other plan"]["state"], found["other plan"]["reason"]) == ("REFUSED", "plan")
    assert found["same plan"]["result"]["text"] == "nothing has changed"
    assert (found["no question"]["state"], found["no question"]["reason"]) == ("REFUSED", "question")
    assert found["restart"]["state"] == "DONE"
    assert found["after"]["lives"] == 2
    assert found["after"]["held"]["by"] == "the fleet", "safe holds over a restart until a person rearms"
    assert found["heavy"] == set()
    assert found["kb"] <= LIMIT_KB, "the control process stays small with orders, TLS and signatures"


def test_a_picture_of_a_line_that_runs_comes_from_afar_and_the_control_process_never_holds_it(tmp_path: Path) -> None:
    async def work(stage: Stage) -> dict[str, Any]:
        stage.rig.plant.start(stage.port.now_us())
        stage.port.wake()
        await stage.until(lambda: len(stage.rig.plant.parts) >= 3, "a part")
        found = dict(await answer(stage, "snapshot", input="top"))
        found["heavy"], found["kb"] = mapped(stage.daemon.pid), resident_kb(stage.daemon.pid)
        return found

    found = run(tmp_path, work)
    result = found["result"]
    picture = cv2.imdecode(np.frombuffer(result["jpeg"], np.uint8), cv2.IMREAD_COLOR)

    assert found["state"] == "DONE" and result["is_new"]
    assert len(result["jpeg"]) <= 200_000 and picture.shape == (result["height_px"], result["width_px"], 3)
    assert found["heavy"] == set() and found["kb"] <= LIMIT_KB


def test_a_stop_outlives_the_process_and_a_person_at_the_device_ends_it(tmp_path: Path) -> None:
    async def work(stage: Stage) -> dict[str, Any]:
        found = {"before": stage.told_stopped, "stop": await answer(stage, "stop")}
        await stage.kill()
        (stage.state / "standstill").unlink()  # the journal of orders alone must hold them
        await stage.start()
        status = (await answer(stage, "status"))["result"]
        found["held"], found["stopped"] = status["held"], stage.told_stopped
        await stage.rearm()
        await stage.until(lambda: not stage.told_stopped, "the end of the stop is told")
        await stage.kill()
        await stage.start()
        found["held again"] = (await answer(stage, "status"))["result"]["held"]
        return found

    found = run(tmp_path, work)

    assert found["before"] is False
    assert found["stop"]["state"] == "DONE"
    assert found["stopped"] is True
    assert found["held"]["by"] == "the fleet"
    assert found["held again"] is None


def test_a_setting_from_afar_is_what_the_next_start_begins_with(tmp_path: Path) -> None:
    async def work(stage: Stage) -> tuple[str, str, Any]:
        await change_setting(stage)
        before = (await answer(stage, "status"))["result"]["decides_by"]
        await stage.kill()
        await stage.start()
        after = (await answer(stage, "status"))["result"]["decides_by"]
        return before, after, stage.console.seen[DEVICE].report["effective"][SETTING]

    before, after, value = run(tmp_path, work)

    assert before == after, "the same numbers decide, by the same plan"
    assert value == STRICTER


def test_who_cannot_be_enrolled_obeys_nobody_and_runs(tmp_path: Path) -> None:
    async def work(stage: Stage) -> tuple[bool, list[str]]:
        await stage.kill()
        (stage.fleet.root / "devices" / DEVICE / "root.pub").write_text("no key\n")
        stage.console.seen.pop(DEVICE)
        stage.words.clear()
        await stage.start(told=False)
        return stage.daemon.returncode is None, list(stage.words)

    is_running, words = run(tmp_path, work)

    assert is_running
    assert any("ALARM nobody is obeyed from afar" in text and "root.pub" in text for text in words)
