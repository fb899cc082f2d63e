"""Alarms reach people: a lamp on the board, a service over HTTP, a topic of a real Mosquitto, the fleet's stream."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from daemon.fleet.brokers import MOSQUITTO
from drivers.site.http_server import Service, answer, cut, serving, times
from drivers.site.test_mqtt_messages import Site as Reader
from drivers.site.test_mqtt_messages import mosquitto
from scenarios.serving import LAMP, Daemon, site
from scenarios.test_service import sooner


def devices(http: int, secret: Path) -> str:
    return f"  pager: {{driver: http-booking, url: 'http://127.0.0.1:{http}', secret_headers: {{X-Key: {secret}}}}}\n"


PAGER = "    pager: {device: pager, path: /alarms, severity: medium}\n"
LAMPS = "    lamp: {device: conveyor, channel: 2, severity: high}\n"


def raised(service: Service) -> list[tuple[str, str]]:
    return [(one["fields"]["what"], one["fields"]["alarm"]) for one in service.bodies]


def busy(handler: BaseHTTPRequestHandler) -> None:
    handler.rfile.read(int(handler.headers["Content-Length"]))
    answer(handler, 503)


def nowhere(handler: BaseHTTPRequestHandler) -> bool:
    handler.rfile.read(int(handler.headers["Content-Length"]))
    answer(handler, 404, b"no such page")
    return True


async def ripieno(daemon: Daemon, *words: str) -> tuple[int, str]:
    """Run a command of a person at the device."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ripieno_daemon", *words, "--socket", str(daemon.socket)),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, told.decode()


async def delivered(daemon: Daemon, least: int) -> int:
    """Return how many notices the pager has had, once the daemon has heard of so many: the answer comes after."""
    async with asyncio.timeout(15.0):
        while (count := (await daemon.ask("status"))["alarm_channels"]["pager"]["delivered"]) < least:  # noqa: ASYNC110  another process is watched
            await asyncio.sleep(0.02)
    return int(count)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "pager.key").write_text("s3cret-of-the-pager\n")
    return tmp_path / "pager.key"


def test_an_alarm_lights_the_lamp_and_pages_until_somebody_acknowledges_it(tmp_path: Path, secret: Path) -> None:
    """`rearm: person`, and the outputs held: nobody has armed a thing, and the lamp is lit all the same."""

    async def look(service: Service) -> dict[str, Any]:
        found: dict[str, Any] = {}
        alarms = f"alarms:\n  channels:\n{LAMPS}{PAGER}"
        async with (
            site(tmp_path, rearm="person", lamp=True, devices=devices(service.port, secret), more=alarms) as line,
            line.daemon() as daemon,
        ):
            await daemon.until("ready")
            found["before"] = line.level(LAMP)
            service.faults += [times(1, busy), times(1, cut)]
            await daemon.ask("safe", why="guard door open")
            await sooner(lambda: line.level(LAMP) == 1)
            await sooner(lambda: ("raised", "held") in raised(service))
            found["metrics"] = (await daemon.ask("metrics"))["text"]
            found["code"], found["said"] = await ripieno(daemon, "alarms", "acknowledge", "held")
            await sooner(lambda: line.level(LAMP) == 0)
            await daemon.ask("rearm")
            await sooner(lambda: ("returned", "held") in raised(service))
            found["delivered"] = await delivered(daemon, 3)
            await daemon.ask("safe", why="again")
            await sooner(lambda: line.level(LAMP) == 1)
            daemon.process.kill()
            await daemon.process.wait()
            began = time.monotonic()
            await sooner(lambda: line.level(LAMP) == 0)
            found["dark_after_s"] = time.monotonic() - began
            found["said by the daemon"] = json.dumps(daemon.said) + "".join(daemon.noise)
        return found

    with serving() as service:
        found = asyncio.run(look(service))

    assert found["before"] == 0
    assert [what for what in raised(service) if what[1] == "held"][:3] == [
        ("raised", "held"),
        ("acknowledged", "held"),
        ("returned", "held"),
    ]
    page = next(one for one in service.bodies if one["fields"]["alarm"] == "held")
    assert page["verb"] == "tell" and page["fields"]["device"] == "line-1"
    assert page["fields"]["severity"] == "high" and "guard door open" in page["fields"]["text"]
    assert set(service.effects.values()) == {1}, "each notice has a key of its own, and had its effect once"
    tries = [headers["Idempotency-Key"] for _, _, headers in service.requests]
    assert len(tries) > len(set(tries)), "it was sent again under its key after 503 and a cut connection"
    assert all(headers["X-Key"] == "s3cret-of-the-pager" for _, _, headers in service.requests)
    assert "s3cret" not in found["said by the daemon"]
    assert found["code"] == 0
    assert found["delivered"] >= 3
    assert 'ripieno_alarm_lamp_on{channel="lamp"} 1' in found["metrics"]
    assert found["dark_after_s"] < 3, "its lease lapses with the daemon"


def test_a_test_says_of_each_channel_whether_it_reaches_somebody(tmp_path: Path, secret: Path) -> None:
    async def look(service: Service) -> dict[str, Any]:
        found: dict[str, Any] = {}
        alarms = f"alarms:\n  channels:\n{LAMPS}{PAGER}"
        own = devices(service.port, secret)
        async with site(tmp_path, lamp=True, devices=own, more=alarms) as line, line.daemon() as daemon:
            await daemon.until("ready")
            testing = asyncio.create_task(ripieno(daemon, "alarms", "test", "--json", "-"))
            await sooner(lambda: line.level(LAMP) == 1)
            found["well"] = await testing
            await sooner(lambda: line.level(LAMP) == 0)
            service.faults.append(nowhere)
            found["wrong"] = await ripieno(daemon, "alarms", "test")
        return found

    with serving() as service:
        found = asyncio.run(look(service))

    code, told = found["well"]
    assert code == 0
    assert json.loads(told)["channels"] == {"lamp": "switched for 3 s: look at it", "pager": "delivered"}
    code, told = found["wrong"]
    assert code == 1 and "pager: refused: the service refuses it: 404" in told and "no: not told by pager" in told


def test_people_are_told_in_safe_mode_too(tmp_path: Path, secret: Path) -> None:
    """No device of the line is opened then, and it is when somebody should come."""

    async def look(service: Service) -> dict[str, Any]:
        async with site(tmp_path, devices=devices(service.port, secret), more=f"alarms:\n  channels:\n{PAGER}") as line:
            (tmp_path / "run").mkdir()
            (tmp_path / "run/starts").write_text(json.dumps([time.clock_gettime_ns(time.CLOCK_BOOTTIME)] * 5))
            async with line.daemon() as daemon:
                await sooner(lambda: ("raised", "safe-mode") in raised(service))
                return {"in session": line.rig.board.in_session, **await daemon.ask("status")}

    with serving() as service:
        found = asyncio.run(look(service))

    assert found["phase"] == "safe mode" and found["in session"] is False


@pytest.mark.mosquitto
@pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine")
def test_a_topic_of_the_site_and_the_fleets_stream_have_each_change(tmp_path: Path) -> None:
    async def look(port: int, fleet: Reader) -> list[dict[str, Any]]:
        local = f"  local: {{driver: mqtt-messages, host: 127.0.0.1, port: {port}}}\n"
        alarms = "alarms:\n  channels:\n    topic: {device: local, send: hall/alarms}\n"
        broker = f"{{transport: mqtt, address: 127.0.0.1, port: {port}, fleet: plant, receipt: puback}}"
        async with site(tmp_path, devices=local, more=alarms, broker=broker) as line, line.daemon() as daemon:
            await daemon.until("ready")
            await daemon.ask("safe", why="guard door open")
            await daemon.ask("acknowledge", name="held")
            await daemon.ask("rearm")
            notices: list[dict[str, Any]] = []

            def are_there() -> bool:
                while not fleet.got.empty():
                    notices.extend(_notices(fleet.got.get().payload))
                return len([one for one in notices if one["alarm"] == "held"]) >= 3

            await sooner(are_there)
            return notices

    with mosquitto(tmp_path) as port:
        topic, fleet = Reader(port, "hall/alarms"), Reader(port, "ripieno/1/plant/#")
        notices = asyncio.run(look(port, fleet))
        messages = [json.loads(topic.got.get(timeout=10).payload)["fields"] for _ in range(3)]
        topic.close()
        fleet.close()

    wanted = ["raised", "acknowledged", "returned"]
    assert [one["what"] for one in messages if one["alarm"] == "held"] == wanted
    assert [one["what"] for one in notices if one["alarm"] == "held"] == wanted
    assert messages[1]["acknowledged_by"]


def _notices(payload: bytes) -> list[dict[str, Any]]:
    """Return the notice that a message of the fleet's stream is, for a site without a consumer of ours."""
    try:
        told = json.loads(payload)
    except ValueError:
        return []
    return [told] if isinstance(told, dict) and told.get("kind") == "notice" else []
