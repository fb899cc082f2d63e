"""mqtt-messages against a real Mosquitto: taken when durable, said until the broker has it, never silently dropped."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import uvloop
from daemon.fleet.brokers import MOSQUITTO, free_port, start_mosquitto
from drivers.site.certificates import authority, issue
from drivers.site.contexts import Told, booking, context, running, until
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ripieno.contracts.driver import Point
from ripieno.errors import DeviceError, LinkDown, StorageError
from ripieno.values import OutcomeKind
from ripieno_daemon.fleet.broker_site import site_brokers
from ripieno_daemon.ports import SystemClock, SystemEntropy
from ripieno_drivers.messages.mqtt import DRIVER, MqttPoint, MqttSettings
from ripieno_drivers.messages.topics import is_a_filter, is_a_topic, matches

pytestmark = [pytest.mark.mosquitto, pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine")]

ASKED = Point("asked", "message", MqttPoint(listen="bank/+/asked", fields={"text": "/text", "who": "/from/name"}))
PLAIN = Point("plain", "message", MqttPoint(listen="bank/plain/#", format="text"))
KEYED = Point("keyed", "message", MqttPoint(listen="bank/keyed", key="/id"))
REPLY = Point("reply", "message", MqttPoint(send="bank/answers"))
POINTS = (ASKED, PLAIN, KEYED, REPLY)


class Site:
    """Another program at the broker."""

    def __init__(self, port: int, topic: str = "bank/answers") -> None:
        self.got: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self.client.on_message = lambda _client, _userdata, message: self.got.put(message)
        subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe(topic, qos=1)
        assert subscribed.wait(10)

    def say(self, topic: str, payload: bytes | str, correlation: bytes = b"", *, retain: bool = False) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        if correlation:
            properties.CorrelationData = correlation
        self.client.publish(topic, payload, qos=1, retain=retain, properties=properties).wait_for_publish(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def mosquitto(folder: Path, *lines: str, port: int = 0) -> Iterator[int]:
    port = port or free_port()
    own = ["user root"] if os.geteuid() == 0 else []  # else it becomes a user who may not read the test's folder
    process = start_mosquitto(folder, port, *own, *lines)
    try:
        yield port
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(10)


def with_broker(
    port: int, root: Path, told: Told, work: Callable[[Any], Awaitable[Any]], *points: Point, **own: Any
) -> Any:
    async def main() -> Any:
        brokers = site_brokers("line-7", root, SystemClock(), SystemEntropy())
        ports: dict[str, Any] = {"brokers": brokers} | own.pop("ports", {})
        settings = MqttSettings(**({"host": "127.0.0.1", "port": port} | own))
        bound = context(told, root, list(points or POINTS), **ports)
        async with asyncio.timeout(60), running(DRIVER, settings, bound) as device:
            await until(lambda: told.reports)
            return await work(device)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def test_questions_come_in_by_topic_and_answers_go_out(tmp_path: Path) -> None:
    told = Told()
    with mosquitto(tmp_path) as port:
        site = Site(port)

        async def work(device: Any) -> Any:
            site.say("bank/north/asked", '{"text": "Where is my card?", "from": {"name": "Ada"}}', b"mail-17")
            site.say("bank/plain/a/b", "Wo ist meine Karte?")
            site.say("bank/keyed", '{"id": 4711, "x": true}', b"not this")
            site.say("bank/else", "{}")
            await until(lambda: len(told.messages) == 3)
            return await device.book(booking(3, "reply", intent="card_arrival", to="Ada"))

        outcome = with_broker(port, tmp_path, told, work)
        answer = site.got.get(timeout=10)
        site.close()

    assert outcome.kind is OutcomeKind.EXECUTED
    found = {one.input: (dict(one.body), one.key) for one in told.messages}
    assert found["asked"] == ({"text": "Where is my card?", "who": "Ada"}, "mail-17")
    assert found["plain"][0] == {"text": "Wo ist meine Karte?"} and found["plain"][1].startswith("sha256:")
    assert found["keyed"] == ({"id": 4711, "x": True}, "4711")
    assert json.loads(answer.payload) == {
        "act": "part-00000007-3/reply/0",
        "output": "reply",
        "verb": "scrap",
        "fields": {"intent": "card_arrival", "to": "Ada"},
    }
    assert (answer.qos, answer.properties.CorrelationData) == (1, b"part-00000007-3/reply/0")
    assert answer.properties.ContentType == "application/json"


def test_a_message_is_acknowledged_when_it_is_durable_and_comes_again_otherwise(tmp_path: Path) -> None:
    """A daemon that dies between hearing and recording hears it again, under the same key."""
    with mosquitto(tmp_path) as port:
        site, lives = Site(port), [Told(), Told(), Told()]

        async def never() -> None:
            raise StorageError("full")

        async def first(device: Any) -> None:
            site.say("bank/keyed", '{"id": 1}')
            await until(lambda: lives[0].messages)

        async def second(device: Any) -> None:
            await until(lambda: lives[1].messages and lives[1].recorded)
            await asyncio.sleep(0.1)  # the acknowledgement leaves

        async def third(device: Any) -> None:
            site.say("bank/keyed", '{"id": 2}')
            await until(lambda: lives[2].messages)

        with_broker(port, tmp_path, lives[0], first, ports={"recorded": never})
        with_broker(port, tmp_path, lives[1], second)
        with_broker(port, tmp_path, lives[2], third)
        site.close()

    assert [[one.key for one in life.messages] for life in lives] == [["1"], ["1"], ["2"]]


def test_what_came_while_nobody_listened_is_kept_by_the_session(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as port:
        site, told = Site(port), Told()

        async def nothing(device: Any) -> None:
            return None

        async def hear(device: Any) -> None:
            await until(lambda: len(told.messages) == 20)

        with_broker(port, tmp_path, Told(), nothing)
        for number in range(20):
            site.say("bank/keyed", json.dumps({"id": number}))
        with_broker(port, tmp_path, told, hear)
        site.close()

    assert [one.key for one in told.messages] == [str(number) for number in range(20)]


def test_what_the_broker_had_kept_is_taken_only_where_it_is_wanted(tmp_path: Path) -> None:
    wanting = Point("wanting", "message", MqttPoint(listen="bank/kept", retain=True))
    living = Point("living", "message", MqttPoint(listen="bank/kept"))
    told = Told()
    with mosquitto(tmp_path) as port:
        site = Site(port)
        site.say("bank/kept", '{"n": 1}', retain=True)

        async def work(device: Any) -> None:
            await until(lambda: told.messages)
            site.say("bank/kept", '{"n": 2}', retain=True)
            await until(lambda: len(told.messages) >= 3)

        with_broker(port, tmp_path, told, work, wanting, living)
        site.close()

    heard = [(one.input, one.body["n"]) for one in told.messages]
    assert sorted(heard) == [("living", 2), ("wanting", 1), ("wanting", 2)]


def test_what_is_no_message_is_counted_said_and_never_comes_again(tmp_path: Path) -> None:
    told = Told()
    bad = [b"[1]", b"\xff{", b'{"text": "' + b"x" * 70_000 + b'"}', b"", b"[" * 60_000, b'{"a": NaN}'] * 3
    with mosquitto(tmp_path) as port:
        site = Site(port)

        async def work(device: Any) -> int:
            for payload in bad:
                site.say("bank/north/asked", payload)
            site.say("bank/north/asked", b"{}" + b" " * (2 << 20))  # above what the broker is asked to send at most
            site.say("bank/north/asked", '{"text": "good"}')
            await until(lambda: told.messages)
            count: int = device._arriving.refused("asked")
            return count

        refused = with_broker(port, tmp_path, told, work)
        again = Told()

        async def more(device: Any) -> None:
            site.say("bank/north/asked", '{"text": "good again"}')
            await until(lambda: {"text": "good again"} in [one.body for one in again.messages])

        with_broker(port, tmp_path, again, more)
        site.close()

    assert refused == len(bad)
    assert again.said == []
    assert len(told.said) == 2
    assert told.said[0] == "site: asked: a message is not taken: it is no JSON object"
    assert told.said[1].endswith("(10 so far)")


def test_a_broker_that_is_away_is_down_once_and_messages_wait(tmp_path: Path) -> None:
    told, port = Told(), free_port()

    async def work(device: Any) -> list[Any]:
        await until(lambda: told.downs)
        waiting = [asyncio.create_task(device.book(booking(number, "reply"))) for number in range(20)]
        await asyncio.sleep(0.2)
        assert not any(one.done() for one in waiting)
        with mosquitto(tmp_path, port=port):
            await until(lambda: told.is_up, 30)
            outcomes = list(await asyncio.gather(*waiting))
        await until(lambda: len(told.downs) == 2, 30)
        return outcomes

    outcomes = with_broker(port, tmp_path, told, work)

    assert {one.kind for one in outcomes} == {OutcomeKind.EXECUTED}
    assert all("messages wait" in one and f"127.0.0.1:{port}" in one for one in told.downs)
    assert "Connection refused" in told.downs[0]


def test_a_broker_killed_under_it_gets_again_what_it_had_not_acknowledged(tmp_path: Path) -> None:
    """Mosquitto keeps nothing on the disk here: what it had acknowledged is its own to lose, all else arrives."""
    told, port = Told(), free_port()
    process = start_mosquitto(tmp_path, port)

    async def work(device: Any) -> set[str]:
        waiting = {
            str(booking(n, "reply").act): asyncio.create_task(device.book(booking(n, "reply"))) for n in range(300)
        }
        await until(lambda: sum(one.done() for one in waiting.values()) > 5)
        process.kill()
        process.wait()
        await until(lambda: not told.is_up)
        missing = {act for act, task in waiting.items() if not task.done()}
        with mosquitto(tmp_path, port=port):
            site = Site(port)  # before the device tries again
            await asyncio.wait(waiting.values())
            assert {task.result().kind for task in waiting.values()} == {OutcomeKind.EXECUTED}
            left = set(missing)
            while left:
                left.discard(json.loads(site.got.get(timeout=10).payload)["act"])
            site.close()
        return missing

    try:
        assert with_broker(port, tmp_path, told, work), "killed too late: all were acknowledged"
    finally:
        process.kill()
        process.wait()


def test_a_no_to_this_message_is_told_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text("topic readwrite bank/#\n")
    other = Point("other", "message", MqttPoint(send="elsewhere/x"))
    huge = booking(1, "reply", text="x" * 20_000)
    with mosquitto(tmp_path, f"acl_file {tmp_path / 'acl'}", "max_packet_size 8000") as port:

        async def work(device: Any) -> list[Any]:
            async with asyncio.timeout(10):
                return [await device.book(one) for one in (booking(2, "other"), huge, booking(3, "reply"))]

        refused, large, fine = with_broker(port, tmp_path, Told(), work, REPLY, other)

    assert refused.kind is OutcomeKind.NOT_EXECUTED and "the broker refused a message: Not authorized" in refused.why
    assert large.kind is OutcomeKind.NOT_EXECUTED and "this broker takes 8000" in large.why
    assert fine.kind is OutcomeKind.EXECUTED


def test_tls_and_a_password_from_a_file(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    issue(tmp_path, ca, "server")
    passwords = tmp_path / "passwords"
    made = subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "line", "s3cret"], capture_output=True)
    assert made.returncode == 0, made.stderr
    lines = [f"certfile {tmp_path / 'server.pem'}", f"keyfile {tmp_path / 'server.key'}"]
    config = [*lines, "allow_anonymous false", f"password_file {passwords}"]
    (tmp_path / "password").write_text("s3cret\n")
    own = {"tls": True, "ca_file": "ca.pem", "username": "line", "password_file": "password"}
    with mosquitto(tmp_path, *config) as port:
        right, wrong, stranger = Told(), Told(), Told()

        async def book(device: Any) -> Any:
            return await device.book(booking(1, "reply"))

        async def refused(told: Told) -> None:
            await until(lambda: told.downs, 20)

        assert with_broker(port, tmp_path, right, book, **own).kind is OutcomeKind.EXECUTED
        (tmp_path / "password").write_text("other")
        with_broker(port, tmp_path, wrong, lambda device: refused(wrong), **own)
        authority(tmp_path, "other")
        with_broker(port, tmp_path, stranger, lambda device: refused(stranger), **{**own, "ca_file": "other.pem"})

    assert "Not authorized" in wrong.downs[0] or "Bad user name" in wrong.downs[0]
    assert "certificate verify failed" in stranger.downs[0]


def test_a_stop_lets_nobody_wait(tmp_path: Path) -> None:
    async def main() -> BaseException | None:
        brokers = site_brokers("line-7", tmp_path, SystemClock(), SystemEntropy())
        bound = context(Told(), tmp_path, [REPLY], brokers=brokers)
        settings = MqttSettings(host="127.0.0.1", port=free_port())
        async with running(DRIVER, settings, bound) as device:
            waiting = asyncio.create_task(device.book(booking(1, "reply")))
            await asyncio.sleep(0.05)
        async with asyncio.timeout(1):
            await asyncio.wait({waiting})
        return waiting.exception()

    assert isinstance(asyncio.run(main()), LinkDown)


def test_filters_and_topics_are_what_the_standard_says() -> None:
    filters = ["a", "+", "#", "a/+/b", "a/#", "a//b", "/", "$SYS/#", "+/+"]
    assert all(map(is_a_filter, filters))
    assert not any(map(is_a_filter, ["", "a+", "a/#/b", "#a", "a\x00b", "a/b#", "x" * 1001]))
    assert [one for one in ("a/b", "a/+", "#", "$SYS/x", "", "a b/ü") if is_a_topic(one)] == ["a/b", "a b/ü"]
    for wanted, topic, covered in [
        ("a/+/b", "a/x/b", True),
        ("a/+/b", "a//b", True),
        ("a/+", "a", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("a/b", "a/B", False),
    ]:
        assert matches(wanted, topic) is covered, (wanted, topic)


def test_settings_that_do_not_fit_are_refused() -> None:
    for own, why in [
        ({}, "give one of `listen`"),
        ({"listen": "a", "send": "b"}, "give one of `listen`"),
        ({"listen": "a/#/b"}, "is no topic filter"),
        ({"send": "a/+"}, "is no single topic"),
        ({"send": "a", "key": "/id"}, "are for an input"),
    ]:
        with pytest.raises(ValueError, match=why):
            MqttPoint(**own)  # type: ignore[arg-type]
    for own, why in [
        ({"ca_file": "x"}, "of no use without"),
        ({"password_file": "x"}, "needs a `username`"),
        ({"password_file": "x", "username": "u"}, "readable on the way"),
        ({"tls": True, "key_file": "k"}, "go together"),
    ]:
        with pytest.raises(ValueError, match=why):
            MqttSettings(host="broker.site", **own)  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match="letter is a report: it is sent, give `send`"):
        wrong = Point("letter", "report", MqttPoint(listen="a"))
        DRIVER.open(MqttSettings(host="x"), context(Told(), Path("/x"), [wrong]))
