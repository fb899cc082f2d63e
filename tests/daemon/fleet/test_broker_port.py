"""What the daemon relies on, asked of every broker: in this process, on a unix socket, and Mosquitto over MQTT 5."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from daemon.fleet.brokers import MOSQUITTO, Connect, in_process, mosquitto, mosquitto_tls, on_socket
from daemon.fleet.plant import Device, Other, settled

from ripieno.contracts.ports import Broker
from ripieno.errors import BrokerError
from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings
from ripieno_daemon.fleet.message_broker import Unheard, Will
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy

needs_mosquitto = [pytest.mark.mosquitto, pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine")]
Run = Callable[[Callable[[Connect], Coroutine[Any, Any, None]]], None]


@pytest.fixture(
    params=[
        pytest.param((in_process, None), id="in-process"),
        pytest.param((on_socket, None), id="socket"),
        pytest.param((on_socket, uvloop.new_event_loop), id="socket-uvloop"),
        pytest.param((mosquitto, None), id="mosquitto", marks=needs_mosquitto),
        pytest.param((mosquitto, uvloop.new_event_loop), id="mosquitto-uvloop", marks=needs_mosquitto),
        pytest.param((mosquitto_tls, uvloop.new_event_loop), id="mosquitto-tls-uvloop", marks=needs_mosquitto),
    ]
)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    place, loop_factory = request.param

    def run(body: Callable[[Connect], Coroutine[Any, Any, None]]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(30), place(tmp_path) as connect:
                await body(connect)

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(bounded())

    return run


class Client:
    """A connected client and what it got. `answer` decides whether to acknowledge."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.got: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.up = asyncio.Event()
        self.acknowledges = True

    def on_message(self, topic: str, payload: bytes, ack: Callable[[], None]) -> None:
        self.got.put_nowait((topic, payload))
        if self.acknowledges:
            ack()

    @asynccontextmanager
    async def connected(self, *topics: str, acknowledges: bool = True) -> Any:
        self.acknowledges = acknowledges
        self.up.clear()
        task = asyncio.create_task(
            self.broker.run(list(topics), self.on_message, self.up.set, lambda _why: None), name="client"
        )
        try:
            await self.up.wait()
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def test_a_message_reaches_those_who_subscribed(run: Run) -> None:
    async def body(connect: Connect) -> None:
        async with (
            Client(connect("a")).connected("x/+/y", "z/#") as a,
            Client(connect("b")).connected() as b,
        ):
            for topic in ("x/1/y", "x/1/n", "z/1/2"):
                await b.broker.publish(topic, topic.encode())

            assert [await a.got.get(), await a.got.get()] == [("x/1/y", b"x/1/y"), ("z/1/2", b"z/1/2")]

    run(body)


def test_what_was_not_acknowledged_comes_again_after_a_reconnect_in_order(run: Run) -> None:
    async def body(connect: Connect) -> None:
        async with Client(connect("b")).connected() as b:
            async with Client(connect("a")).connected("t", acknowledges=False) as a:
                for number in range(3):
                    await b.broker.publish("t", b"%d" % number)
                for _ in range(3):
                    await a.got.get()
            await b.broker.publish("t", b"3")
            async with Client(connect("a")).connected("t") as again:
                got = [(await again.got.get())[1] for _ in range(4)]

        assert got == [b"0", b"1", b"2", b"3"]

    run(body)


def test_what_was_acknowledged_does_not_come_again(run: Run) -> None:
    async def body(connect: Connect) -> None:
        async with Client(connect("b")).connected() as b:
            async with Client(connect("a")).connected("t") as a:
                await b.broker.publish("t", b"first")
                await a.got.get()
                await asyncio.sleep(0.05)  # the acknowledgement is on its way
            async with Client(connect("a")).connected("t") as again:
                await b.broker.publish("t", b"second")

                assert (await again.got.get())[1] == b"second"

    run(body)


def test_a_retained_birth_is_there_for_the_late_and_a_will_tells_of_a_death(run: Run) -> None:
    async def body(connect: Connect) -> None:
        device = Client(connect("dev", Will("state", b"dead"), lambda: b"alive"))
        async with Client(connect("watch")).connected("state") as watcher:
            async with device.connected():
                assert (await watcher.got.get())[1] == b"alive"
            assert (await watcher.got.get())[1] == b"dead"
        async with Client(connect("late")).connected("state") as late:
            assert (await late.got.get())[1] == b"dead"

    run(body)


def test_a_command_that_a_broker_kept_does_not_come(run: Run) -> None:
    """It would come at every connect; any other retained message comes, so that the test can fail."""

    async def body(connect: Connect) -> None:
        async with Client(connect("b")).connected() as b:
            await b.broker.publish("x/dn/cmd", b"kept", retain=True)
            await b.broker.publish("x/dn/des", b"wanted", retain=True)
            async with Client(connect("a")).connected("x/dn/#") as a:
                await b.broker.publish("x/dn/cmd", b"live")

                assert {await a.got.get(), await a.got.get()} == {("x/dn/des", b"wanted"), ("x/dn/cmd", b"live")}

    run(body)


def test_publishing_without_a_connection_is_an_error(run: Run) -> None:
    async def body(connect: Connect) -> None:
        with pytest.raises(BrokerError, match="not connected"):
            await connect("a").publish("t", b"x")

    run(body)


def test_rows_reach_the_consumer_and_are_receipted(run: Run, tmp_path: Path) -> None:
    async def body(connect: Connect) -> None:
        clock, entropy = SystemClock(), SystemEntropy()
        device = Device(DiskStorage(tmp_path / "d"), connect("dev1"), clock, entropy)
        other = Other(DiskStorage(tmp_path / "c"), connect("consumer"), clock, entropy)
        await device.start()
        await other.start()
        for _ in range(5):
            await device.add(100)
        assert await settled(device, clock, 20)
        await device.kill()

        assert await other.record_ids() == device.durable
        await other.kill()

    run(body)


@pytest.mark.mosquitto
@pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine")
def test_a_message_above_the_brokers_limit_is_refused_and_the_connection_stays(tmp_path: Path) -> None:
    """Handed to paho, it would close and reconnect for ever."""

    async def body() -> None:
        async with mosquitto(tmp_path, "max_packet_size 2000") as connect, Client(connect("a")).connected("t") as a:
            with pytest.raises(BrokerError, match="this broker takes 2000"):
                await a.broker.publish("t", bytes(2000))
            await a.broker.publish("t", b"small")

            assert (await a.got.get())[1] == b"small"

    asyncio.run(body())


def test_a_client_whose_id_is_taken_over_stops_and_says_so() -> None:
    """Mosquitto 2.0.11 closes without that word; a broker that says it is played here."""

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"\x20\x03\x00\x00\x00" + b"\xe0\x02\x8e\x00")  # CONNACK, DISCONNECT 0x8E
        await reader.read()
        writer.close()

    async def body() -> None:
        async with asyncio.timeout(20), await asyncio.start_server(broker, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            settings = MqttSettings(host="127.0.0.1", port=port, client_id="a")
            client = MqttBroker(settings, SystemClock(), SystemEntropy())
            with pytest.raises(BrokerError, match="another client uses the id 'a'"):
                await client.run([], lambda *_: None, lambda: None, lambda _: None)

    asyncio.run(body())


def test_the_wait_before_the_next_try_is_jittered_and_bounded() -> None:
    broker = MqttBroker(MqttSettings(host="x", client_id="a"), SystemClock(), SystemEntropy())
    waits = [broker._backoff_s(failures) for failures in range(1, 2000)]
    first = [broker._backoff_s(1) for _ in range(2000)]

    assert min(waits) >= 0.2 and 50 < max(waits) <= 60
    assert min(first) < 0.4 and 0.8 < max(first) <= 1


def test_not_more_messages_are_on_their_way_than_the_broker_takes() -> None:
    """paho 2.2 ignores Receive Maximum; a broker that says 2 is played, and acknowledges nothing."""
    seen, both = bytearray(), asyncio.Event()

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(200)
        writer.write(b"\x20\x06\x00\x00\x03\x21\x00\x02")  # CONNACK, Receive Maximum 2
        while part := await reader.read(1000):
            seen.extend(part)
            if seen.count(b"payload") == 2:
                both.set()
        writer.close()

    async def body() -> None:
        async with asyncio.timeout(20), await asyncio.start_server(broker, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with Client(MqttBroker(settings(port), SystemClock(), SystemEntropy())).connected() as a:
                tasks = [asyncio.create_task(a.broker.publish("topic", b"payload")) for _ in range(5)]
                await both.wait()
                await asyncio.sleep(0.1)  # a third would follow at once
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

        assert seen.count(b"payload") == 2

    def settings(port: int) -> MqttSettings:
        return MqttSettings(host="127.0.0.1", port=port, client_id="a")

    asyncio.run(body())


def test_a_link_that_is_open_at_one_end_only_is_noticed() -> None:
    """A broker is played that answers CONNECT and then nothing. At keepalive 1 s: 2 s, and 2 s for two looks."""

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(200)
        writer.write(b"\x20\x03\x00\x00\x00")
        while await reader.read(1000):
            pass
        writer.close()

    async def body() -> float:
        async with asyncio.timeout(20), await asyncio.start_server(broker, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            settings = MqttSettings(host="127.0.0.1", port=port, client_id="a", keepalive_s=1)
            down = asyncio.Event()
            clock = SystemClock()
            began_ns = clock.monotonic_ns()
            task = asyncio.create_task(
                MqttBroker(settings, clock, SystemEntropy()).run(
                    [], lambda *_: None, lambda: None, lambda _: down.set()
                )
            )
            await down.wait()
            task.cancel()
            return (clock.monotonic_ns() - began_ns) / 1e9

    assert asyncio.run(body()) <= 2 * 1 + 2 + 2, (
        "more than twice the keepalive and two looks (and 2 s of a busy machine)"
    )
    assert 2 * MqttSettings(host="x", client_id="a").keepalive_s + 2 <= 15


@pytest.mark.mosquitto
@pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine")
def test_a_mirror_that_nobody_has_subscribed_to_is_told_and_other_topics_are_not(tmp_path: Path) -> None:
    """The broker says so with its PUBACK (0x10); for states and answers nobody needs to listen."""
    topic = "ripieno/1/plant/line-1/up/json/results"

    async def body() -> None:
        async with mosquitto(tmp_path) as connect, Client(connect("line-1")).connected() as a:
            with pytest.raises(Unheard, match="nobody has subscribed"):
                await a.broker.publish(topic, b"{}")
            await a.broker.publish("ripieno/1/plant/line-1/up/cmd", b"answer")
            async with Client(connect("node-red")).connected("ripieno/1/plant/+/up/json/#") as listener:
                await a.broker.publish(topic, b'{"seq": 1}')

                assert await listener.got.get() == (topic, b'{"seq": 1}')

    asyncio.run(body())
