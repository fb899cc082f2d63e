"""A stop from afar: at once, for any listed key, without a clock and without order; once, for this boot; and a person
at the device clears it.
"""

from __future__ import annotations

from pathlib import Path

from daemon.orders.kit import BEN, STRANGER, Device, Operator
from daemon.orders.test_orders import play

from ripieno.errors import StorageError
from ripieno_daemon.orders import Address


def test_a_stop_acts_before_the_disk_and_without_a_clock_or_an_order(tmp_path: Path) -> None:
    """BEN's rule does not name stop; any listed key may."""

    async def body(device: Device, operator: Operator) -> None:
        await device.give(operator.ask("status", BEN, seq=50))
        device.quality = 0
        device.take(operator.ask("stop", BEN, seq=1, not_before_us=1, expires_us=2))
        assert device.stops == ["stop from afar"] and device.acked == 1, "not before the journal"
        await device.clock.sleep(1)

        assert device.answers[-1]["state"] == "DONE" and device.acked == 2
        assert device.desk.is_stopped and device.desk.birth()["stopped"]

    play(tmp_path, body)


def test_a_stop_acts_once_for_its_id_also_after_a_person_cleared_it(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        message = operator.ask("stop")
        first = await device.give(message)
        await device.desk.clear_stop()
        second = await device.give(message)

        assert first == second and len(device.stops) == 1 and not device.desk.is_stopped
        await device.give(operator.ask("stop"))
        assert len(device.stops) == 2 and device.desk.is_stopped

    play(tmp_path, body)


def test_a_stop_that_was_recorded_does_not_stop_the_next_boot(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        given, held_back = operator.ask("stop"), operator.ask("stop")
        anytime = operator.ask("stop", to={"line-1": Address(device.address.epoch)})
        await device.give(given)
        await device.desk.clear_stop()
        await device.restart()
        reasons = [(await device.give(message))["reason"] for message in (given, held_back, anytime)]

        assert reasons == ["boot"] * 3 and len(device.stops) == 1 and not device.desk.is_stopped

    play(tmp_path, body)


def test_a_stop_holds_over_a_restart_until_a_person_clears_it(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        await device.give(operator.ask("stop"))
        await device.restart()
        assert device.desk.is_stopped
        await device.desk.clear_stop()
        await device.restart()

        assert not device.desk.is_stopped

    play(tmp_path, body)


def test_a_stop_of_a_stranger_or_for_another_device_does_nothing(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        assert (await device.give(operator.ask("stop", STRANGER)))["reason"] == "unknown-key"
        assert (await device.give(operator.ask("stop", to={"line-2": device.address})))["reason"] == "target"

        assert not device.stops and not device.desk.is_stopped

    play(tmp_path, body)


def test_a_stop_acts_though_the_disk_is_full_and_is_not_acknowledged(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        async def refused(_entries: object) -> object:
            raise StorageError("full")

        device.desk._journal.receive = refused  # type: ignore[method-assign,assignment]
        answer = await device.give(operator.ask("stop"), 3)

        assert len(device.stops) == 1 and device.acked == 0 and answer == {}

    play(tmp_path, body)
