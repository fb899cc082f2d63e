"""Another product on a line that runs: chosen by a person, kept over kill -9, and every part tells which one it had."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgpack
from scenarios.serving import site
from scenarios.test_service import sooner

from ripieno_daemon.inquiry import Past, opened, replay, why
from ripieno_daemon.inquiry.telling import tell

PARTS = 60
RECIPES = """\
recipes:
  products:
    standard: {}
    nothing-passes: {quality-control.pass.look.score: 1.0}
"""


def bodies(past: Past, kind: str) -> list[dict[str, Any]]:
    return [msgpack.unpackb(row.payload or b"", raw=False) for row in past.rows() if row.kind == kind]


def test_a_product_is_chosen_at_an_item_boundary_and_survives_a_kill(tmp_path: Path) -> None:
    found: dict[str, Any] = {}

    async def look() -> None:
        async with site(tmp_path, parts=PARTS, more=RECIPES) as line:
            plant = line.rig.plant
            async with line.daemon() as daemon:
                await daemon.until("ready")
                found["before"] = (await daemon.ask("status"))["recipe"]
                line.start_belt()
                while (await daemon.ask("status"))["counters"].get("good", 0) < 3:  # noqa: ASYNC110  another process is asked
                    await asyncio.sleep(0.05)
                found["refused"] = await daemon.ask("recipe", recipe="nothing")
                found["chosen"] = await daemon.ask("recipe", recipe="nothing-passes")
                there = len(plant.parts)
                await sooner(lambda: len(plant.parts) >= there + 12, 60)
                daemon.process.kill()
                await daemon.process.wait()
            async with line.daemon() as daemon:
                await daemon.until("ready")
                found["after"] = (await daemon.ask("status"))["recipe"]
                await sooner(lambda: plant.finished, 60)
                await asyncio.sleep(1.0)
                daemon.process.terminate()
                found["code"] = await daemon.process.wait()

    asyncio.run(look())

    products = ["standard", "nothing-passes"]
    assert found["before"] == {"recipe": "", "wrong": "", "products": products}
    assert (found["refused"]["ok"], found["refused"]["why"]) == (
        False,
        "there is no recipe 'nothing'; there is standard, nothing-passes",
    )
    assert found["chosen"]["ok"] and found["after"]["recipe"] == "nothing-passes"
    with opened(tmp_path / "state") as past:
        verdicts = [body for body in bodies(past, "decision") if "verdict" in body]
        commands = bodies(past, "command")
        mine = [body for body in verdicts if body.get("recipe") and body["rule"]]
        answer = why(past, mine[-1]["id"])
        assert replay(past)["mismatches"] == 0
    assert [(body["recipe"], bool(body["by"])) for body in commands if body.get("kind") == "recipe"] == [
        ("nothing-passes", True)
    ]
    assert len({body["item"] for body in verdicts}) == len(verdicts) == PARTS
    changed = [bool(body.get("recipe")) for body in sorted(verdicts, key=lambda body: int(body["item"].split("-")[-1]))]
    assert changed.index(True) >= 3 and all(changed[changed.index(True) :]), "from one item on"
    assert {body["verdict"] for body in mine} == {"defective"}
    assert any(body["verdict"] == "good" for body in verdicts if not body.get("recipe"))
    assert "look.score >= 1.0" in tell(answer) and "recipe    nothing-passes" in tell(answer)
