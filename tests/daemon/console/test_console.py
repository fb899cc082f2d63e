"""An operator and a device over a broker that loses, repeats and delays: each order is answered, and done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from daemon.console.whole import Whole
from daemon.fleet.virtual import SeededEntropy, VirtualClock, run, storage
from daemon.orders.kit import ANNA, STRANGER, policy

from ripieno_daemon.console import Console, NotAnswered
from ripieno_daemon.fleet import Faults, MessageBroker
from ripieno_daemon.trust import Signer

BAD = Faults(drop=0.3, duplicate=0.3, delay=0.3, delay_s=1.0)


def play(
    folder: Path, body: Callable[[Whole, Console, MessageBroker], Any], faults: Faults, key: Signer = ANNA
) -> None:
    async def scene() -> None:
        broker, clock, entropy = MessageBroker(), VirtualClock(), SeededEntropy(3)
        device = Whole(
            storage(folder), broker.client("line-1", clock, entropy, faults=faults), clock, entropy, policy()
        )
        client = broker.client("console-1", clock, entropy, faults=faults)
        console = Console(client, "plant", "console-1", clock, entropy, [key])
        connection = asyncio.create_task(console.run())
        async with device.running():
            await body(device, console, broker)
        connection.cancel()
        await asyncio.gather(connection, return_exceptions=True)

    run(scene())


def test_an_order_is_answered(tmp_path: Path) -> None:
    async def body(device: Whole, console: Console, _broker: MessageBroker) -> None:
        await console.ready(device="line-1")
        progress: list[str] = []
        answer = await console.ask("line-1", "restart", on_progress=progress.append)

        assert answer["state"] == "DONE" and device.restarts == 1 and progress == ["ending the pipeline"]
        assert (await console.ask("line-1", "status"))["result"] == {"parts": 12}
        assert (await console.ask("line-1", "apply", {"plan": "x"}))["reason"] == "two-keys"

    play(tmp_path, body, Faults())


def test_over_a_bad_broker_each_order_is_answered_and_done_once(tmp_path: Path) -> None:
    async def body(device: Whole, console: Console, broker: MessageBroker) -> None:
        while not console.seen.get("line-1") or not console.seen["line-1"].state:
            broker.stop()  # a retained state that was lost comes with the next connection
            broker.start()
            await asyncio.sleep(2)
        answers = []
        for _ in range(30):
            try:
                answers.append((await console.ask("line-1", "restart"))["state"])
            except NotAnswered:
                answers.append("none")

        assert answers.count("DONE") > 20 and set(answers) <= {"DONE", "REFUSED", "none"}
        assert answers.count("DONE") <= device.restarts <= 30

    play(tmp_path, body, BAD)


def test_who_is_not_there_or_not_listed_is_told(tmp_path: Path) -> None:
    async def body(device: Whole, console: Console, _broker: MessageBroker) -> None:
        with pytest.raises(NotAnswered, match="no device 'line-9' has told its state to this broker; there is line-1"):
            await console.ready(device="line-9")
        answer = await console.ask("line-1", "status")
        assert (answer["state"], answer["reason"]) == ("REFUSED", "unknown-key")

    play(tmp_path, body, Faults(), STRANGER)


def test_a_device_that_does_not_answer_is_told_when_the_order_has_expired(tmp_path: Path) -> None:
    async def body(device: Whole, console: Console, broker: MessageBroker) -> None:
        await console.ready(device="line-1")
        broker._sessions["line-1"].subscriptions = ()
        with pytest.raises(NotAnswered, match=r"line-1 \(online\) did not answer"):
            await console.ask("line-1", "status", valid_s=5)

    play(tmp_path, body, Faults())


def test_settings_go_down_and_come_back_as_they_are(tmp_path: Path) -> None:
    async def body(device: Whole, console: Console, _broker: MessageBroker) -> None:
        await console.ready(device="line-1")
        await console.desire("line-1", {"share": 0.5, "speed": 3}, 1)
        await asyncio.sleep(1)
        assert console.seen["line-1"].report["effective"] == {"share": 0.5, "speed": 3}
        await console.desire("line-1", {"share": 5, "speed": 3}, 2)
        await asyncio.sleep(1)

        assert console.seen["line-1"].report["reasons"] == {"share": "should be 0 to 1 (got 5)"}
        assert device.line.values == {"share": 0.5, "speed": 3}

    play(tmp_path, body, Faults())


def test_a_stop_is_told_in_the_state_of_the_device(tmp_path: Path) -> None:
    async def body(device: Whole, console: Console, _broker: MessageBroker) -> None:
        await console.ready(device="line-1")
        assert (await console.ask("line-1", "stop"))["state"] == "DONE"
        device.station.state_changed()
        await asyncio.sleep(1)

        assert device.stops == ["stop from afar"] and console.seen["line-1"].state["orders"]["stopped"]

    play(tmp_path, body, Faults())


def test_a_client_that_takes_the_devices_place_does_not_end_the_daemon(tmp_path: Path) -> None:
    from ripieno.errors import BrokerError

    async def body(device: Whole, console: Console, _broker: MessageBroker) -> None:
        await console.ready(device="line-1")

        async def taken_over(*_: Any) -> None:
            raise BrokerError("another client uses the id 'line-1'")

        device._broker.run = taken_over  # type: ignore[method-assign]
        await device.station._connect()

        assert any("ALARM the fleet is given up until a restart: another client" in text for text in device.said)

    play(tmp_path, body, Faults())
