"""The service desk: every way in, every way out, one process; killed again and again, each question has one answer."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from daemon.fleet.brokers import MOSQUITTO
from drivers.site.http_server import answer, cut, serving
from drivers.site.test_mqtt_messages import Site, mosquitto
from scenarios.desk import Desk, make
from scenarios.test_control_process import HEAVY, LIMIT_KB, mapped, resident_kb

from ripieno_daemon.cli.main import main

pytestmark = [pytest.mark.mosquitto, pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine")]


async def until(holds: Any, within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110  # other processes are watched
            await asyncio.sleep(0.01)


def letters(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((folder / "office/letters").glob("*.json"))]


def test_every_way_in_and_out(tmp_path: Path, capsys: Any) -> None:
    with mosquitto(tmp_path) as mqtt, serving() as service:
        service.records = {"/accounts/7": {"holder": {"name": "Grace"}}}
        desk = Desk(make(tmp_path, service.port, mqtt))
        site = Site(mqtt, "desk/answers")

        async def run() -> tuple[int, set[str], int]:
            await desk.start()
            await desk.ready()
            state = ["--state", str(desk.state)]
            body = '{"text": "Where is my card?", "customer": 4711}'
            told = await asyncio.to_thread(main, ["tell", "told", "--body", body, "--key", "mail-17", *state])
            again = await asyncio.to_thread(main, ["tell", "told", "--body", body, "--key", "mail-17", *state])
            wrong = await asyncio.to_thread(main, ["tell", "nobody", "--text", "x", *state])
            assert (told, again, wrong) == (0, 0, 1)
            site.say("desk/asked", '{"text": "And mine?", "customer": 7}', b"call-1")
            draft = tmp_path / "office/in/.a.part"
            draft.write_text('{"text": "On paper"}')
            draft.rename(tmp_path / "office/in/a.json")
            await until(lambda: service.bodies and letters(tmp_path) and not site.got.empty())
            await until((tmp_path / "office/in/done/a.json").exists)
            assert desk.process is not None
            return resident_kb(desk.process.pid), mapped(desk.process.pid), await desk.stop()

        resident, heavy, status = asyncio.run(run())
        heard = json.loads(site.got.get(timeout=5).payload)
        site.close()

    assert [body["fields"] for body in service.bodies] == [{"to": "Ada", "text": "Where is my card?", "balance": 12.5}]
    (posted,) = [headers for method, _, headers in service.requests if method == "POST"]
    assert posted["Authorization"] == "Bearer s3cret"
    assert heard["fields"] == {"to": "Grace", "text": "And mine?"}
    assert [one["fields"] for one in letters(tmp_path)] == [{"text": "On paper"}]
    assert status == 0
    assert not heavy & set(HEAVY)
    assert resident <= LIMIT_KB
    assert "told: taken as mail-17" in capsys.readouterr().out


@pytest.mark.slow
def test_killed_again_and_again_each_question_that_was_taken_has_one_answer(tmp_path: Path) -> None:
    """The service dedupes by key and loses every fifth answer; what it counts is what happened."""
    draw, asked = random.Random(7), 80
    with mosquitto(tmp_path) as mqtt, serving() as service:

        def lose(handler: Any) -> bool:
            if handler.command != "POST" or draw.random() > 0.2:
                return False
            service.take(handler)
            cut(handler)
            return True

        service.faults.append(lose)
        desk = Desk(make(tmp_path, service.port, mqtt))

        async def ask(number: int) -> None:
            customer = 4711 if number % 2 else 1
            while not await desk.tell(f"question {number}", customer, f"mail-{number}"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

        async def killing() -> int:
            kills = 0
            while True:
                await desk.ready()
                await asyncio.sleep(0.05 + 0.4 * draw.random())
                await desk.kill()
                kills += 1
                await desk.start()
                if kills == 5:
                    return kills

        async def run() -> int:
            await desk.start()
            killer = asyncio.create_task(killing())
            for start in range(0, asked, 4):
                await asyncio.gather(*(ask(number) for number in range(start, start + 4)))
                await asyncio.sleep(0.15)
            kills = await killer
            await desk.ready()
            await until(lambda: len({body["fields"]["text"] for body in service.bodies}) == asked, 60)
            await asyncio.sleep(0.5)
            await desk.stop()
            return kills

        kills = asyncio.run(run())

    assert kills == 5
    assert Counter(body["fields"]["text"] for body in service.bodies) == {f"question {n}": 1 for n in range(asked)}
    assert set(service.effects.values()) == {1}
    assert {body["fields"]["to"] for body in service.bodies} <= {"Ada", "nobody"}
    assert len(service.requests) > asked, "negative control: some were sent twice, and had one effect"


def test_a_service_that_says_no_ends_the_booking_and_the_ledger_says_why(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as mqtt, serving() as service:
        service.faults.append(lambda handler: handler.command == "POST" and not answer(handler, 422, b"no such reply"))
        desk = Desk(make(tmp_path, service.port, mqtt))

        async def run() -> list[str]:
            await desk.start()
            await desk.ready()
            assert await desk.tell("Where?", 4711, "mail-1")
            await until(lambda: any("422" in one.get("text", "") for one in desk.said))
            await desk.stop()
            return [one.get("text", "") for one in desk.said]

        said = asyncio.run(run())

    assert any("not booked: the service refuses it: 422" in one and "no such reply" in one for one in said)
    assert service.effects == {}
