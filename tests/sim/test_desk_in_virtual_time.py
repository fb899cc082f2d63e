"""The service desk, the whole daemon, in virtual time: an hour of questions takes seconds, and a seed repeats."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml
from scenarios.desk import DEVICE, make

from ripieno.contracts.site import Told
from ripieno.language import compile_device
from ripieno_daemon.app import App, Ports
from ripieno_daemon.compiling.drivers import installed_drivers
from ripieno_daemon.doors import OpenDoors
from ripieno_daemon.fleet import MessageBroker
from ripieno_daemon.fleet.plain_topics import PlainTopics
from ripieno_daemon.ports import InlineFiles, InlineStorage
from ripieno_daemon.workers.inline import InlineInference
from ripieno_drivers.conformance.services import Outside
from ripieno_sim.devices.stock_service import StockService
from ripieno_sim.seeds import stream
from ripieno_sim.stage.loop import VirtualLoop
from ripieno_sim.stage.ports import PictureStore, SeededEntropy, VirtualClock
from ripieno_sim.stage.site_network import SiteNetwork

QUESTIONS = 120
HOUR_S = 3600.0


class Replies(StockService):
    """Takes replies at the address that the desk's device file gives, and says whose account it is."""

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        if method == "GET":
            return 200, json.dumps({"holder": {"name": "Grace"}}).encode()
        return super().answer(method, "/api/bookings", headers, body)


def hour(folder: Path, seed: int) -> dict[str, Any]:
    """Let the desk work for an hour in which the service goes away and breaks; return what is left."""
    folder.mkdir()
    path = make(folder, 80, 1883)
    device = yaml.safe_load(DEVICE.format(folder=folder, http=80, mqtt=1883))
    del device["devices"]["office"], device["inputs"]["left"]
    device["devices"]["office"] = {"driver": "files", "path": str(folder / "office")}
    device["inputs"]["left"] = {"device": "broker", "listen": "desk/left"}
    path.write_text(yaml.safe_dump(device))
    plan = compile_device(str(path), lambda name: Path(name).read_bytes(), installed_drivers())
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_hour(plan, folder, seed))


async def _hour(plan: Any, folder: Path, seed: int) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    clock, draw, state = VirtualClock(loop), stream(seed, "desk"), folder / "state"
    outside, broker, doors, nothing = Outside(Replies()), MessageBroker(), OpenDoors(), None
    disk = stream(seed, "disk")

    def latency(_: str) -> float:
        return 0.0005 + 0.002 * disk.random()

    ports = Ports(
        clock=clock,
        entropy=SeededEntropy(seed, "daemon"),
        lines=nothing,  # type: ignore[arg-type]
        folder=PictureStore(),
        storage=InlineStorage(state, clock, latency),
        drivers=installed_drivers(),
        inference=lambda plan, pipeline, models, say: InlineInference({}, {}, "auto", clock, _unread, lambda _: 0.0),  # type: ignore[arg-type,return-value]
        broker=lambda plan, boot: None,
        network=SiteNetwork({"127.0.0.1": outside}),
        files=InlineFiles(state, clock, latency),
        brokers=lambda address: PlainTopics(broker.client(address.client, clock, SeededEntropy(seed, "broker"))),
        doors=doors,
    )
    stop, said = asyncio.Event(), list[str]()
    app = App(plan, ports, said.append)
    life = asyncio.create_task(app.run(stop), name="daemon")
    await clock.sleep(5)
    for number in range(QUESTIONS):
        outside.trouble.away = draw.random() < 0.3
        outside.trouble.arm(draw.choice(["", "before", "after", "twice", "half", "late"]))
        key = await doors.tell("told", Told({"text": f"question {number}", "customer": 4711}, f"mail-{number}"))
        assert key == f"mail-{number}"
        if number % 3 == 0:
            broker.publish("desk/asked", json.dumps({"text": f"call {number}", "customer": 7}).encode())
            broker.publish("desk/left", json.dumps({"text": f"paper {number}"}).encode())
        await clock.sleep(HOUR_S / QUESTIONS * (0.5 + draw.random()))
    outside.trouble.away = False
    outside.trouble.arm("")
    await clock.sleep(180)
    stop.set()
    await life
    head = app.ledger.head()[1] if app.ledger is not None else ""
    effects = effects_of(outside)
    outside.close()
    return {"head": head, "effects": effects, "said": said, "hours": loop.time()}


def effects_of(outside: Outside) -> dict[str, int]:
    service: Any = outside.service
    return dict(service._effects)


def _unread(ref: str) -> bytes:
    raise FileNotFoundError(ref)


def reports(folder: Path) -> list[str]:
    return sorted(json.loads(path.read_text())["fields"]["text"] for path in (folder / "office/letters").glob("*.json"))


def rows(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "state/log.sqlite")) as connection:
        return int(connection.execute("SELECT count(DISTINCT act) FROM bookings").fetchone()[0])


def test_an_hour_of_questions_has_each_answer_once_and_the_seed_repeats_it(tmp_path: Path) -> None:
    first, again, other = (hour(tmp_path / name, seed) for name, seed in (("a", 7), ("b", 7), ("c", 8)))

    for name, found in (("a", first), ("b", again), ("c", other)):
        assert len(found["effects"]) == QUESTIONS, f"seed {7 if name != 'c' else 8}"
        assert set(found["effects"].values()) == {1}
        assert reports(tmp_path / name) == sorted(f"paper {number}" for number in range(0, QUESTIONS, 3))
        assert rows(tmp_path / name) >= QUESTIONS // 3
    assert first["head"] == again["head"] != other["head"]
    assert any("stock: down" in one for one in first["said"]) and any("stock: up" in one for one in first["said"])
