"""Questions to people, answered from afar: signed, over Mosquitto with TLS, by the whole daemon, each once."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from daemon.fleet.brokers import MOSQUITTO, fleet_broker, tls_client
from scenarios.desk import Desk

from ripieno.language.declared import declared_models
from ripieno_daemon.bundles import seal
from ripieno_daemon.cli.main import main
from ripieno_daemon.console import Console
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.packed import unpack
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_daemon.trust import Signer
from ripieno_daemon.trust.founding import FleetFolder

pytestmark = [pytest.mark.mosquitto, pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine")]

PIPELINE = """\
ripieno: 1
name: desk
version: "1"
inputs:
  told: {kind: message, fields: {text: text, customer: number}}
outputs:
  noted: {kind: report}
items:
  question: {starts: told, decide_within: 60s}
steps:
  agent:
    ask: How shall we answer this question?
    role: agent
    answers: [refund, explain]
    show: {text: told.text}
    within: 8s
    no_answer: explain
    after_gap: start_over
    each: question
rules:
  refunded:
    each: question
    when: agent.answer == "refund"
    verdict: refunded
    do: 'noted.write(question, text=told.text)'
  explained:
    each: question
    when: agent.answer == "explain"
    verdict: explained
    do: 'noted.write(question, text="explained")'
  nobody:
    each: question
    after: question.undecided
    do: 'noted.write(question, text="nobody")'
"""
DEVICE = """\
ripieno: 1
device: {{id: line-1}}
pipelines: [bundles/desk]
devices:
  counter: {{driver: inbox}}
  office:  {{driver: files, path: "{folder}/office"}}
inputs:
  told: {{device: counter}}
outputs:
  noted: {{device: office, put: notes}}
storage: {{state: state}}
{broker}
"""


def make(folder: Path, fleet: FleetFolder) -> Path:
    bundle = folder / "bundles/desk"
    bundle.mkdir(parents=True)
    (bundle / "pipeline.yaml").write_text(PIPELINE)
    declared = declared_models(str(bundle), lambda path: Path(path).read_bytes())
    seal(bundle, declared.models, name=declared.name, version=declared.version)
    (folder / "office").mkdir()
    path = folder / "device.yaml"
    path.write_text(DEVICE.format(folder=folder, broker=fleet.broker_section(str(fleet.enrol("line-1")))))
    return path


def more_keys(fleet: FleetFolder, **kinds: str) -> dict[str, Signer]:
    """Add keys to the policy, each with one pattern of kinds."""
    made = {}
    for name, pattern in kinds.items():
        path = fleet.root / f"{name}.pem"
        assert main(["fleet", "key", str(path)]) == 0
        made[name] = fleet.signer(str(path))
        public = base64.b64encode(made[name].public).decode()
        text = (fleet.root / "policy.toml").read_text().replace("per_minute = 60\n", "per_minute = 600\n")
        text += f'\n[[key]]\nname = "{name}"\npublic = "{public}"\nkinds = ["{pattern}"]\ndevices = ["*"]\n'
        (fleet.root / "policy.toml").write_text(text)
    fleet.sign_policy()
    return made


async def until(holds: Callable[[], Any], within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110  # other processes are watched
            await asyncio.sleep(0.05)


def test_a_question_is_answered_once_by_who_may_answer_for_its_role(tmp_path: Path) -> None:
    found: dict[str, Mapping[str, Any]] = {}

    async def run() -> None:
        async with fleet_broker(tmp_path) as fleet:
            keys = {"root": fleet.signer("operator"), **more_keys(fleet, anna="answer.agent", ben="answer.foreman")}
            desk = Desk(await asyncio.to_thread(make, tmp_path, fleet))
            clock, entropy = SystemClock(), SystemEntropy()
            consoles = {
                name: Console(
                    tls_client(fleet, f"console-{number}", session_expiry_s=0),
                    "plant",
                    f"console-{number}",
                    clock,
                    entropy,
                    [key],
                )
                for number, (name, key) in enumerate(keys.items(), 1)
            }
            tasks = [asyncio.create_task(console.run()) for console in consoles.values()]
            await desk.start()
            await desk.ready()

            async def told(key: str) -> str:
                """Tell the desk something; return the id of the question that it asks about it."""
                assert await desk.tell(f"about {key}", 0, key)
                for _ in range(200):
                    asks = (await ask("root", "asks"))["result"]["asks"]
                    if len(asks) == 1 and asks[0]["show"]["text"] == f"about {key}":
                        assert (asks[0]["role"], asks[0]["answers"]) == ("agent", ["refund", "explain"])
                        return str(asks[0]["id"])
                    await asyncio.sleep(0.05)
                raise AssertionError(asks)

            async def ask(who: str, kind: str, **args: Any) -> Mapping[str, Any]:
                return await consoles[who].ask("line-1", kind, args)

            async def answer(who: str, id: str, answer: str = "refund") -> Mapping[str, Any]:
                return await ask(who, "answer", id=id, answer=answer, **{"as": who})

            for console in consoles.values():
                await until(lambda one=console: "line-1" in one.seen and "orders" in one.seen["line-1"].state)
            first = await told("first")
            found["wrong role"] = await answer("ben", first)
            found["no such answer"] = await answer("anna", first, "dance")
            found["accepted"] = await answer("anna", first)
            found["second"] = await answer("root", first, "explain")
            late = await told("late")
            for _ in range(60):
                if not (await ask("root", "asks"))["result"]["asks"]:
                    break
                await asyncio.sleep(0.5)
            found["expired"] = await answer("anna", late)
            kept = await told("kept")
            await desk.kill()
            await desk.start()
            await desk.ready()
            found["after a restart"] = await answer("anna", kept)
            await until(lambda: len(list((tmp_path / "office/notes").glob("*.json"))) == 3)
            await desk.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
    recorded = asyncio.run(answers_recorded(tmp_path / "state"))

    assert found["accepted"]["state"] == found["after a restart"]["state"] == "DONE"
    assert {name: (one["state"], one["reason"]) for name, one in found.items() if one["state"] != "DONE"} == {
        "wrong role": ("REFUSED", "not-allowed"),
        "no such answer": ("REFUSED", "answer"),
        "second": ("REFUSED", "question"),
        "expired": ("REFUSED", "question"),
    }
    assert "for role agent" in found["wrong role"]["text"]
    assert recorded == [("refund", "anna (the fleet)"), ("refund", "anna (the fleet)")]


async def answers_recorded(state: Path) -> list[tuple[str, str]]:
    """Return each answer in the record, with who gave it."""
    ledger = await Ledger.open(DiskStorage(state).database("ledger.sqlite"), SystemClock(), SystemEntropy())
    told = []
    async for record in ledger.records():
        if record.kind == "ask":
            body = unpack(record.payload, 1 << 20)
            if isinstance(body, dict) and body.get("why") == "answered":
                told.append((body["answer"], body["by"]))
    await ledger.close()
    return told
