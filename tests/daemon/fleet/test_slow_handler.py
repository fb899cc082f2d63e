"""A handler of messages that takes its time: the broker hears of us in between, and the connection stays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop
from daemon.fleet.brokers import MOSQUITTO, free_port, start_mosquitto

from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings
from ripieno_daemon.ports import SystemClock, SystemEntropy

pytestmark = [pytest.mark.mosquitto, pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine")]
KEEPALIVE_S = 1  # Mosquitto gives up after one and a half of it, and looks every 5 s


async def handled(port: int, messages: int, seconds_each: float) -> tuple[int, list[str]]:
    """Send messages to a handler that blocks the loop with each; return how many it got, and why it was down."""

    def client(name: str) -> MqttBroker:
        settings = MqttSettings(host="127.0.0.1", port=port, client_id=name, keepalive_s=KEEPALIVE_S, will_delay_s=0)
        return MqttBroker(settings, SystemClock(), SystemEntropy())

    got: list[str] = []
    downs: list[str] = []
    up, there, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def slow(topic: str, payload: bytes, ack: Callable[[], None]) -> None:
        if topic not in got:  # what was not acknowledged comes again
            time.sleep(seconds_each)  # the fault: a decoder, a disk, a regular expression
        got.append(topic)
        ack()
        if len(got) >= messages:
            done.set()

    receiver, sender = client("receiver"), client("sender")
    tasks = [
        asyncio.create_task(receiver.run(["t/#"], slow, up.set, downs.append)),
        asyncio.create_task(sender.run([], lambda *_: None, there.set, lambda why: None)),
    ]
    try:
        async with asyncio.timeout(20):
            await up.wait()
            await there.wait()
            for number in range(messages):
                await sender.publish(f"t/{number}", b"x", retain=False)
            await done.wait()
        await asyncio.sleep(KEEPALIVE_S)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return len(set(got)), downs


def run(folder: Path, messages: int, seconds_each: float) -> tuple[int, list[str]]:
    port = free_port()
    process = start_mosquitto(folder, port)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(handled(port, messages, seconds_each))
    finally:
        process.kill()
        process.wait()


def test_slow_messages_in_a_row_cost_no_connection(tmp_path: Path) -> None:
    """7 s of handling, four times what the broker waits: pings go out between them."""
    got, downs = run(tmp_path, 14, 0.5)

    assert (got, downs) == (14, [])


def test_one_that_blocks_for_longer_than_the_broker_waits_costs_the_connection(tmp_path: Path) -> None:
    """Negative control: the broker means it. The message is there all the same, and the connection comes back."""
    got, downs = run(tmp_path, 1, 7.0)

    assert got == 1 and downs
