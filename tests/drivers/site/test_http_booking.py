"""http-booking: one effect for each act, whatever the network and the service do; a no is told, and final."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from drivers.site.contexts import Told, booking, context, running, until
from drivers.site.http_server import Service, answer, cut, free_port, raw, serving, status, times

from ripieno.contracts.driver import Point
from ripieno.contracts.site import Endpoint
from ripieno.errors import LinkDown
from ripieno.values import DeviceUp, Outcome, OutcomeKind
from ripieno_daemon.ports import SystemNetwork
from ripieno_daemon.ports.network import TcpStream
from ripieno_drivers.booking import http
from ripieno_drivers.booking.http import DRIVER, HttpBookingPoint, Verdict, verdict
from ripieno_drivers.http import HttpSettings

POINTS = [Point("stock", "booking", HttpBookingPoint(path="/bookings"))]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ladder's steps are short here; that they are taken is what matters."""
    monkeypatch.setattr(http, "AGAIN_S", (0.01, 0.02))
    monkeypatch.setattr("ripieno_drivers.http.service.RETRY_S", (0.02,))


def booked(
    service: Service, root: Path, told: Told, work: Callable[[Any], Awaitable[Any]], points: Any = None, **own: Any
) -> Any:
    """Run the device against the service for as long as `work` takes."""

    async def main() -> Any:
        settings = HttpSettings(**({"url": f"http://127.0.0.1:{service.port}/api/", "answer_s": 1.0} | own))
        async with asyncio.timeout(20), running(DRIVER, settings, context(told, root, points or POINTS)) as device:
            return await work(device)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def kinds(outcomes: list[Outcome]) -> list[OutcomeKind]:
    return [one.kind for one in outcomes]


def test_a_booking_arrives_whole_over_one_connection(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    with serving() as service:
        acts = [booking(number, reason="über", width=1.5, at=None) for number in range(3)]

        async def work(device: Any) -> list[Outcome]:
            return [await device.book(one) for one in acts]

        outcomes = booked(service, tmp_path, Told(), work, token_file="token", headers={"X-Site": "north"})

    assert kinds(outcomes) == [OutcomeKind.EXECUTED] * 3
    assert service.bodies[1] == {
        "act": "part-00000007-1/stock/0",
        "output": "stock",
        "verb": "scrap",
        "fields": {"reason": "über", "width": 1.5, "at": None},
    }
    method, path, headers = service.requests[0]
    assert (method, path) == ("POST", "/api/bookings")
    assert headers["Idempotency-Key"] == "part-00000007-0/stock/0"
    assert headers["Authorization"] == "Bearer s3cret" and headers["X-Site"] == "north"
    assert headers["Host"] == f"127.0.0.1:{service.port}"
    assert service.connections == 1


def hang(service: Service) -> Callable[[Any], None]:
    """Say nothing until the test is over."""

    def wait(handler: Any) -> None:
        service.release.wait(10)

    return wait


def effect_then(fault: Callable[[Any], None]) -> Callable[[Service], Callable[[Any], None]]:
    """The effect is there, and then the answer goes wrong."""

    def made(service: Service) -> Callable[[Any], None]:
        def strike(handler: Any) -> None:
            service.take(handler)
            fault(handler)

        return strike

    return made


def plain(fault: Callable[[Any], None]) -> Callable[[Service], Callable[[Any], None]]:
    return lambda service: fault


FAULTS = {
    "cut before it is read": plain(cut),
    "cut after the effect": effect_then(cut),
    "half a head": effect_then(raw(b"HTTP/1.1 201 Cre")),
    "no HTTP": effect_then(raw(b"SSH-2.0-OpenSSH_9.2\r\n")),
    "500": plain(status(500)),
    "502 after the effect": effect_then(lambda handler: answer(handler, 502)),
    "503, come back": plain(status(503, Retry_After="0")),
    "429": plain(status(429)),
    "401": plain(status(401)),
    "a redirect": plain(status(302, Location="http://127.0.0.1:1/login")),
    "100 interim answers": effect_then(raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)),
    "a head without end": effect_then(raw(b"HTTP/1.1 500 X\r\n" + b"X-Pad: " + b"a" * 60_000)),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("count", [1, 4])
def test_a_fault_costs_time_and_never_an_effect(tmp_path: Path, name: str, count: int) -> None:
    told = Told()
    with serving() as service:
        service.faults.append(times(count, FAULTS[name](service)))

        async def work(device: Any) -> list[Outcome]:
            return [await device.book(booking(1)), await device.book(booking(2))]

        outcomes = booked(service, tmp_path, told, work)

    assert kinds(outcomes) == [OutcomeKind.EXECUTED] * 2
    assert service.effects == {"part-00000007-1/stock/0": 1, "part-00000007-2/stock/0": 1}
    assert len(told.downs) == (1 if count >= 3 else 0), "three in a row are told, one hiccup is not"
    assert told.is_up


def test_without_a_service_that_dedupes_the_tests_above_would_see_two_effects(tmp_path: Path) -> None:
    """Negative control: the effects are counted by the service, and the key is what makes them one."""
    with serving() as service:
        service.dedupes = False
        service.faults.append(times(1, FAULTS["cut after the effect"](service)))
        booked(service, tmp_path, Told(), lambda device: device.book(booking(1)))

    assert service.effects == {"part-00000007-1/stock/0": 2}


@pytest.mark.parametrize("name", ["huge", "cut in the body", "slow body", "no length"])
def test_a_done_is_done_whatever_its_body_does(tmp_path: Path, name: str) -> None:
    with serving() as service:

        def stall(handler: Any) -> None:
            handler.wfile.write(b"HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n12")
            handler.wfile.flush()
            service.release.wait(10)
            cut(handler)

        bodies = {
            "huge": raw(b"HTTP/1.1 201 Created\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 300_000),
            "cut in the body": raw(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n123"),
            "slow body": stall,
            "no length": raw(b"HTTP/1.1 200 OK\r\n\r\nfine"),
        }
        service.faults.append(times(1, effect_then(bodies[name])(service)))

        async def work(device: Any) -> list[Outcome]:
            return [await device.book(booking(1)), await device.book(booking(2))]

        outcomes = booked(service, tmp_path, Told(), work, answer_s=0.3)

    assert kinds(outcomes) == [OutcomeKind.EXECUTED] * 2
    assert [method for method, *_ in service.requests] == ["POST"] * 2


@pytest.mark.parametrize("number", [400, 403, 404, 413, 422])
def test_a_no_to_this_booking_is_told_and_keeps_nobody_waiting(tmp_path: Path, number: int) -> None:
    told = Told()
    with serving() as service:
        service.faults.append(times(1, status(number)))

        async def work(device: Any) -> list[Outcome]:
            return list(await asyncio.gather(device.book(booking(1)), device.book(booking(2))))

        outcomes = booked(service, tmp_path, told, work)

    assert kinds(outcomes) == [OutcomeKind.NOT_EXECUTED, OutcomeKind.EXECUTED]
    assert str(number) in outcomes[0].why and "no such reason" in outcomes[0].why
    assert any("a person must look" in one for one in told.said)
    assert service.effects == {"part-00000007-2/stock/0": 1}
    assert told.downs == []


def test_what_is_there_already_is_done(tmp_path: Path) -> None:
    with serving() as service:
        for _ in range(2):  # a restart between them

            async def work(device: Any) -> list[Outcome]:
                return list(await asyncio.gather(*(device.book(booking(1)) for _ in range(3))))

            assert kinds(booked(service, tmp_path, Told(), work)) == [OutcomeKind.EXECUTED] * 3

    assert service.effects == {"part-00000007-1/stock/0": 1}


def test_a_service_that_is_away_is_down_once_and_bookings_wait(tmp_path: Path) -> None:
    port, told = free_port(), Told()

    async def main() -> list[Outcome]:
        settings = HttpSettings(url=f"http://127.0.0.1:{port}")
        async with asyncio.timeout(20), running(DRIVER, settings, context(told, tmp_path, POINTS)) as device:
            waiting = [asyncio.create_task(device.book(booking(number))) for number in range(20)]
            await until(lambda: told.downs)
            with serving(port=port) as service:
                outcomes = list(await asyncio.gather(*waiting))
                assert service.connections == 1
                assert [body["act"] for body in service.bodies] == [str(booking(n).act) for n in range(20)]
                return outcomes

    assert kinds(asyncio.run(main())) == [OutcomeKind.EXECUTED] * 20
    assert len(told.downs) == 1 and "nobody listens there; is the service running?" in told.downs[0]
    assert [type(one) for one in told.reports][-1] is DeviceUp


def test_a_service_that_hangs_costs_its_time_limit_and_no_effect(tmp_path: Path) -> None:
    told = Told()
    with serving() as service:
        service.faults.append(times(2, hang(service)))
        outcome = booked(service, tmp_path, told, lambda device: device.book(booking(1)), answer_s=0.1)

    assert outcome.kind is OutcomeKind.EXECUTED
    assert service.effects == {"part-00000007-1/stock/0": 1}


def test_stopped_in_mid_request_it_ends_at_once_and_the_next_run_books_it(tmp_path: Path) -> None:
    with serving() as service:
        service.faults.append(times(1, effect_then(hang(service))(service)))

        async def main() -> BaseException | None:
            settings = HttpSettings(url=f"http://127.0.0.1:{service.port}", answer_s=60)
            async with running(DRIVER, settings, context(Told(), tmp_path, POINTS)) as device:
                waiting = asyncio.create_task(device.book(booking(1)))
                other = asyncio.create_task(device.book(booking(2)))
                await until(lambda: service.effects)
            async with asyncio.timeout(1):
                await asyncio.wait({waiting, other})
            assert isinstance(other.exception(), LinkDown)
            return waiting.exception()

        assert isinstance(asyncio.run(main()), LinkDown)
        outcome = booked(service, tmp_path, Told(), lambda device: device.book(booking(1)))

    assert outcome.kind is OutcomeKind.EXECUTED
    assert service.effects == {"part-00000007-1/stock/0": 1}


def test_a_cancelled_caller_harms_no_other(tmp_path: Path) -> None:
    with serving() as service:
        service.faults.append(times(1, hang(service)))

        async def work(device: Any) -> Outcome:
            first = asyncio.create_task(device.book(booking(1)))
            await until(lambda: service.requests)
            first.cancel()
            outcome: Outcome = await device.book(booking(2))
            return outcome

        assert booked(service, tmp_path, Told(), work).kind is OutcomeKind.EXECUTED
    assert service.effects == {"part-00000007-2/stock/0": 1}


def test_a_kept_connection_that_the_service_has_closed_costs_nothing(tmp_path: Path) -> None:
    with serving() as service:

        def close_later(handler: Any) -> None:
            answer(handler, service.take(handler))  # says nothing of it, and closes
            handler.close_connection = True

        service.faults.append(times(3, close_later))

        async def work(device: Any) -> list[Outcome]:
            return [await device.book(booking(number)) for number in range(4)]

        told = Told()
        assert kinds(booked(service, tmp_path, told, work)) == [OutcomeKind.EXECUTED] * 4
    assert sum(service.effects.values()) == 4
    assert told.downs == []


def test_bytes_that_nobody_asked_for_are_never_taken_for_the_next_answer(tmp_path: Path) -> None:
    """An answer that comes twice would say `done` of the next booking, which nobody has read."""
    with serving() as service:
        twice = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n" * 2
        service.faults.append(times(1, effect_then(raw(twice, then_cut=False))(service)))

        async def work(device: Any) -> list[Outcome]:
            first = await device.book(booking(1))
            return [first, await device.book(booking(2))]

        assert kinds(booked(service, tmp_path, Told(), work)) == [OutcomeKind.EXECUTED] * 2
    assert service.effects == {"part-00000007-1/stock/0": 1, "part-00000007-2/stock/0": 1}


def test_a_booking_may_be_named_by_its_address(tmp_path: Path) -> None:
    points = [Point("stock", "booking", HttpBookingPoint(path="/acts/{act}?via={output}", method="PUT"))]
    with serving() as service:
        booked(service, tmp_path, Told(), lambda device: device.book(booking(1)), points)

    assert service.requests[0][:2] == ("PUT", "/api/acts/part-00000007-1~2Fstock~2F0?via=stock")


def test_every_status_has_a_verdict_and_only_the_known_ones_end_a_booking() -> None:
    done = {number for number in range(100, 1000) if verdict(number) is Verdict.DONE}
    refused = {number for number in range(100, 1000) if verdict(number) is Verdict.REFUSED}

    assert done == {*range(200, 300), 409}
    assert refused == {*range(400, 500)} - {401, 407, 408, 409, 425, 429}


def test_a_token_that_is_put_right_is_used_at_the_next_try(tmp_path: Path) -> None:
    told = Told()
    with serving() as service:

        def check(handler: Any) -> bool:
            if handler.headers["Authorization"] == "Bearer new":
                return False
            (tmp_path / "token").write_text("new")
            status(401)(handler)
            return True

        (tmp_path / "token").write_text("old")
        service.faults.append(check)
        outcome = booked(service, tmp_path, told, lambda device: device.book(booking(1)), token_file="token")

    assert outcome.kind is OutcomeKind.EXECUTED and sum(service.effects.values()) == 1
    assert service.connections == 2


def test_a_missing_token_is_said_with_its_file(tmp_path: Path) -> None:
    told = Told()

    async def main() -> None:
        settings = HttpSettings(url="http://127.0.0.1:1", token_file="no/token")
        async with running(DRIVER, settings, context(told, tmp_path, POINTS)):
            await until(lambda: told.downs)

    asyncio.run(main())

    assert told.downs == ["no/token: should hold the value of the header Authorization in one line of ASCII"]


def test_connected_while_it_ends_nothing_is_sent_and_nothing_stays_open(tmp_path: Path) -> None:
    class Slow(SystemNetwork):
        """Connecting again takes a while."""

        def __init__(self) -> None:
            super().__init__(tmp_path)
            self.streams: list[TcpStream] = []

        async def connect(self, endpoint: Endpoint) -> TcpStream:
            if self.streams:
                await asyncio.sleep(0.2)
            self.streams.append(await super().connect(endpoint))
            return self.streams[-1]

    network = Slow()
    with serving() as service:

        def close_later(handler: Any) -> None:
            answer(handler, service.take(handler))
            handler.close_connection = True

        service.faults.append(times(1, close_later))

        async def main() -> BaseException | None:
            settings = HttpSettings(url=f"http://127.0.0.1:{service.port}")
            async with running(DRIVER, settings, context(Told(), tmp_path, POINTS, network=network)) as device:
                await device.book(booking(1))
                await asyncio.sleep(0.05)
                waiting = asyncio.create_task(device.book(booking(2)))
                await asyncio.sleep(0.05)
            async with asyncio.timeout(2):
                await asyncio.wait({waiting})
            return waiting.exception()

        assert isinstance(asyncio.run(main()), LinkDown)

    assert len(network.streams) == 2 and all(one._is_closed for one in network.streams)
    assert service.effects == {"part-00000007-1/stock/0": 1}
