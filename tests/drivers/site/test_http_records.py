"""http-records: a record, none, or a failure with its reason, within its time; a key cannot ask for another place."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop
from drivers.site.certificates import authority, issue
from drivers.site.contexts import Told, context, running, until
from drivers.site.http_server import Service, answer, cut, free_port, raw, serving, status, times

from ripieno.contracts.driver import Point
from ripieno.values import Health, Record
from ripieno_drivers.http import HttpSettings
from ripieno_drivers.records.http import DRIVER, HttpRecordsPoint

FIELDS = {"name": "/name", "balance": "/account/balance", "first": "/cards/0", "odd": "/a~1b~0"}
ADA = {"name": "Ada", "account": {"balance": 12.5}, "cards": ["visa", "amex"], "a/b~": True}


def point(**other: Any) -> Point:
    wanted: dict[str, Any] = {"path": "/customers/{key}", "fields": FIELDS} | other
    return Point("customers", "record", HttpRecordsPoint(**wanted))


def served(
    service: Service, root: Path, work: Callable[[Any], Awaitable[Any]], told: Told | None = None, **own: Any
) -> Any:
    """Run the device against the service for as long as `work` takes."""
    told = told or Told()
    bound = own.pop("bound", point())

    async def main() -> Any:
        settings = HttpSettings(**({"url": f"http://127.0.0.1:{service.port}", "answer_s": 1.0} | own))
        async with asyncio.timeout(20), running(DRIVER, settings, context(told, root, [bound])) as device:
            await until(lambda: told.is_up)
            return await work(device)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def looks(*keys: Any) -> Callable[[Any], Awaitable[list[Record]]]:
    async def work(device: Any) -> list[Record]:
        return [await device.look("customers", key) for key in keys]

    return work


def test_a_record_has_what_the_answer_holds_at_the_given_places(tmp_path: Path) -> None:
    with serving() as service:
        service.records = {"/customers/42": ADA, "/customers/43": {"name": None, "cards": []}}
        first, empty, none = served(service, tmp_path, looks(42.0, "43", "nobody"))

    assert first == Record(True, {"name": "Ada", "balance": 12.5, "first": "visa", "odd": True})
    assert empty == Record(True)
    assert none == Record(False)
    assert service.connections == 1
    assert {path for _, path, _ in service.requests} == {"/customers/42", "/customers/43", "/customers/nobody"}


def test_a_search_finds_none_one_or_too_many(tmp_path: Path) -> None:
    bound = point(path="/search?number={key}&n=2", record="/items", fields={"name": "/name"})
    with serving() as service:
        service.records = {
            "/search?number=1&n=2": {"items": []},
            "/search?number=2&n=2": {"items": [{"name": "b"}]},
            "/search?number=3&n=2": {"items": [{"name": "b"}, {"name": "c"}]},
            "/search?number=4&n=2": {},
            "/search?number=5&n=2": {"items": 7},
        }
        found = served(service, tmp_path, looks(1, 2, 3, 4, 5), bound=bound)

    assert found[:2] == [Record(False), Record(True, {"name": "b"})]
    assert found[2] == Record(False, health=Health.FAILED, why="2 records under 3; the key should be unique")
    assert found[3] == Record(False)
    assert found[4].why == "where the record should be is no JSON object; correct `record`"


@pytest.mark.parametrize("key", ["", ".", "..", "../admin", "a/b", "a\\b", "a\nb", "a\x00b", "x" * 201, "\ud800"])
def test_a_key_that_could_mean_another_place_is_never_sent(tmp_path: Path, key: str) -> None:
    with serving() as service:
        (found,) = served(service, tmp_path, looks(key))

    assert found.health is Health.FAILED and "key" in found.why
    assert service.requests == []


def test_a_key_of_any_other_signs_is_one_part_of_the_address(tmp_path: Path) -> None:
    with serving() as service:
        served(service, tmp_path, looks("a b?c#d&e=f%2F", "Jürgen ✓", 1.5))

    assert [path for _, path, _ in service.requests] == [
        "/customers/a%20b%3Fc%23d%26e%3Df%252F",
        "/customers/J%C3%BCrgen%20%E2%9C%93",
        "/customers/1.5",
    ]


def body(content: bytes, **headers: str) -> Callable[[Any], None]:
    return lambda handler: answer(handler, 200, content, **headers)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (status(500), "the service answers 500 Internal Server Error"),
        (status(403), "the service answers 403 Forbidden"),
        (status(302, Location="http://elsewhere/login"), "302 Found to 'http://elsewhere/login': correct `url`"),
        (cut, "the connection was closed before the answer"),
        (raw(b'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"name":'), "closed in mid-answer"),
        (raw(b"220 mail.site ESMTP\r\n\r\n"), "no HTTP came"),
        (body(b"<html>Welcome</html>", Content_Type="text/html"), "the answer (text/html): it is not JSON"),
        (body(b"[1, 2"), "(of no stated type): it is not JSON"),
        (body(b'{"name": NaN}'), "NaN is no JSON number"),
        (body(b'{"name": 1, "name": 2}'), "it says 'name' twice"),
        (body(b"\xff\xfe{}"), "it is not UTF-8 (byte 0)"),
        (body(b"[" * 60_000), "it is nested too deeply"),
        (body(b"1" * 5_000), "not JSON that can be read"),
        (body(b"17"), "is no JSON object"),
        (body(b"{}" + b" " * 70_000), "its answer has more than 65536 bytes"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n" + b"x" * 99_999), "more than 65536 bytes"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n" + b"x" * 99_999), "more than 65536"),
        (body(b"\x1f\x8b", Content_Encoding="gzip"), "the answer is packed (gzip)"),
    ],
)
def test_what_is_no_answer_is_a_failure_with_its_reason_and_the_next_look_is_well(
    tmp_path: Path, fault: Callable[[Any], None], why: str
) -> None:
    with serving() as service:
        service.records = {"/customers/42": ADA}
        service.faults.append(times(1, fault))
        bad, good = served(service, tmp_path, looks(42, 42))

    assert (bad.found, bad.health) == (False, Health.FAILED)
    assert why in bad.why
    assert good.found and good.fields["name"] == "Ada"


def test_values_of_another_kind_are_left_out_and_said_once(tmp_path: Path) -> None:
    told, wild = Told(), {"name": ["a"], "account": {"balance": 10**30}, "cards": [{}], "a/b~": "\ud83d"}
    with serving() as service:
        service.records = {"/customers/1": wild}
        found = served(service, tmp_path, looks(1, 1), told)

    assert found == [Record(True), Record(True)]
    assert [one.removeprefix("site: customers: ") for one in told.said] == [
        "name holds a list",
        "balance is a number beyond 64 bits",
        "first holds an object",
        "odd holds bytes that are no text",
    ]


def test_a_slow_answer_fails_in_time_and_a_cancelled_look_frees_the_service(tmp_path: Path) -> None:
    with serving() as service:
        service.records = {"/customers/42": ADA}
        service.faults.append(times(2, lambda handler: bool(service.release.wait(10)) and None))

        async def work(device: Any) -> list[Record]:
            loop = asyncio.get_running_loop()
            first = asyncio.create_task(device.look("customers", 42))
            await until(lambda: service.requests)
            first.cancel()  # its deadline
            slow = await device.look("customers", 42)
            began_s = loop.time()
            after = await device.look("customers", 42)
            assert loop.time() - began_s < 5
            return [slow, after]

        slow, after = served(service, tmp_path, work, answer_s=0.2)

    assert slow.why == "no answer within 0.2 s"
    assert after.found


def test_a_service_that_is_away_fails_each_look_at_once_and_is_back_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ripieno_drivers.http.service.RETRY_S", (0.02,))
    port, told = free_port(), Told()

    async def main() -> Record:
        settings = HttpSettings(url=f"http://127.0.0.1:{port}")
        async with asyncio.timeout(20), running(DRIVER, settings, context(told, tmp_path, [point()])) as device:
            await until(lambda: told.downs)
            for _ in range(3):
                away = await device.look("customers", 42)
                assert away.health is Health.FAILED and "is the service running?" in away.why
            with serving(port=port) as service:
                service.records = {"/customers/42": ADA}
                await until(lambda: told.is_up)
                found: Record = await device.look("customers", 42)
                return found

    assert asyncio.run(main()).found
    assert len(told.downs) == 1


def test_three_failures_in_a_row_are_told_and_one_answer_ends_that(tmp_path: Path) -> None:
    told = Told()
    with serving() as service:
        service.faults.append(times(3, status(500)))
        served(service, tmp_path, looks(1, 1, 1), told)
        assert told.downs == [f"http://127.0.0.1:{service.port}: answers 500 Internal Server Error"]
        again = Told()
        service.faults.append(times(3, status(500)))
        served(service, tmp_path, looks(1, 1, 1, 1), again)

    assert len(again.downs) == 1 and again.is_up


def tls(folder: Path, **own: Any) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "server.pem", folder / "server.key")
    if own.get("asks"):
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(folder / "ca.pem")
    return made


def refusal(port: int, root: Path, **own: Any) -> str:
    told = Told()

    async def main() -> None:
        settings = HttpSettings(url=f"https://127.0.0.1:{port}", **own)
        async with running(DRIVER, settings, context(told, root, [point()])):
            await until(lambda: told.downs)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    return told.downs[0]


def test_tls_is_verified_both_ways(tmp_path: Path) -> None:
    ca = authority(tmp_path)
    issue(tmp_path, ca, "server")
    issue(tmp_path, ca, "client")
    own = {
        name: str(tmp_path / file)
        for name, file in (("ca_file", "ca.pem"), ("certificate_file", "client.pem"), ("key_file", "client.key"))
    }
    with serving(tls(tmp_path, asks=True)) as service:
        service.records = {"/customers/42": ADA}
        url = f"https://127.0.0.1:{service.port}"
        (found,) = served(service, tmp_path, looks(42), url=url, **own)

    assert found.found


@pytest.mark.parametrize(
    ("address", "age_days", "ca_file", "why"),
    [
        ("127.0.0.1", 0, "", "its certificate is not right: unable to get local issuer certificate"),
        ("127.0.0.1", 0, "other.pem", "its certificate is not right"),
        ("127.0.0.2", 0, "ca.pem", "its certificate is not right: IP address mismatch"),
        ("127.0.0.1", 30, "ca.pem", "its certificate is not right: certificate has expired"),
        ("127.0.0.1", 0, "nothing.pem", "nothing.pem: [Errno 2] No such file or directory; correct them"),
        ("127.0.0.1", 0, "server.key", "server.key: "),
    ],
)
def test_a_certificate_that_is_not_right_is_never_talked_to(
    tmp_path: Path, address: str, age_days: int, ca_file: str, why: str
) -> None:
    ca = authority(tmp_path)
    authority(tmp_path, "other")
    issue(tmp_path, ca, "server", address, timedelta(days=age_days))
    with serving(tls(tmp_path)) as service:
        told = refusal(service.port, tmp_path, **({"ca_file": str(tmp_path / ca_file)} if ca_file else {}))

    assert why in told
    assert service.requests == []


def test_http_where_tls_was_expected_is_said(tmp_path: Path) -> None:
    with serving() as service:
        assert "is it https at all?" in refusal(service.port, tmp_path)


def test_names_that_nobody_knows_are_said(tmp_path: Path) -> None:
    told = Told()

    async def main() -> None:
        settings = HttpSettings(url="http://no-such-host.invalid")
        async with running(DRIVER, settings, context(told, tmp_path, [point()])):
            await until(lambda: told.downs, 20)

    asyncio.run(main())

    assert "no-such-host.invalid:80: the name is not known" in told.downs[0]


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ({"url": "ftp://x.y"}, "should begin with https://"),
        ({"url": "http://a:b@x.y"}, "should have no password in it"),
        ({"url": "http://x.y/{key}"}, "should end with a path"),
        ({"url": "http://x y"}, "without spaces"),
        ({"url": "http://x.y:99999"}, "Port out of range"),
        ({"url": "http://x.y", "token_file": "t"}, "a token would be readable on the way"),
        ({"url": "http://x.y", "ca_file": "c"}, "certificates are of no use"),
        ({"url": "https://x.y", "key_file": "k"}, "go together"),
        ({"url": "https://x.y", "token_file": "t", "headers": {"Authorization": "x"}}, "is given twice"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(own: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        HttpSettings(**own)


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ({"path": "customers/{key}"}, "should begin with /"),
        ({"path": "/customers"}, "has no {key}"),
        ({"path": "/customers/{kay}"}, "{kay} is not known; known: {key}"),
        ({"path": "/cust omers/{key}"}, "must be percent-encoded"),
        ({"path": "/c/{key}#x"}, "must be percent-encoded"),
    ],
)
def test_paths_that_are_none_are_refused(own: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("{", "[{]")):
        HttpRecordsPoint(**({"fields": {"a": "/a"}} | own))


def test_answers_are_json_that_others_write(tmp_path: Path) -> None:
    """Negative control of the faults above: the same server gives a good record where nothing is wrong."""
    with serving() as service:
        service.faults.append(times(1, body(json.dumps(ADA).encode(), Content_Type="application/json")))
        (found,) = served(service, tmp_path, looks(42))

    assert found.found
