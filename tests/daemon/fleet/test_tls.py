"""Mosquitto as `ripieno fleet init` configures it: who is let in, as whom, and what each may write and read."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from daemon.fleet.brokers import MOSQUITTO, fleet_broker, free_port, new_fleet, start_configured, tls_client, tls_files
from daemon.fleet.test_broker_port import Client

from ripieno.errors import BrokerError
from ripieno_daemon.fleet.broker_mqtt import MqttBroker
from ripieno_daemon.fleet.broker_tls import TlsFiles, client_context, why_closed
from ripieno_daemon.ports import SystemClock
from ripieno_daemon.trust.founding import FleetFolder

pytestmark = [pytest.mark.mosquitto, pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine")]
ROOT = "ripieno/1/plant"


def run(folder: Path, body: Callable[[FleetFolder], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60), fleet_broker(folder) as fleet:
            await body(fleet)

    asyncio.run(bounded())


async def refusal(broker: MqttBroker) -> str:
    """Why a client is not let in."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    up = asyncio.Event()

    def down(why: str) -> None:
        if not told.done():
            told.set_result(why)

    task = asyncio.create_task(broker.run([], lambda *_: None, up.set, down), name="client")
    try:
        await asyncio.wait([told, asyncio.ensure_future(up.wait())], return_when=asyncio.FIRST_COMPLETED)
        assert not up.is_set(), "it was let in"
        return told.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_each_writes_and_reads_in_its_own_direction_alone(tmp_path: Path) -> None:
    async def body(fleet: FleetFolder) -> None:
        names = ("line-1", "line-2", "consumer", "console-1")
        one, two, consumer, console = (Client(tls_client(fleet, name)) for name in names)
        async with (
            one.connected("#"),
            two.connected(f"{ROOT}/line-1/#", f"{ROOT}/line-2/dn/#"),
            consumer.connected(f"{ROOT}/+/up/#"),
            console.connected(f"{ROOT}/+/up/#"),
        ):
            allowed = [
                (one, "line-1/up/s/results"),
                (consumer, "line-1/dn/ack/results"),
                (console, "line-1/dn/cmd"),
                (console, "line-1/dn/des"),
                (console, "all/cmd"),
            ]
            for client, topic in allowed:
                await client.broker.publish(f"{ROOT}/{topic}", topic.encode())
            refused = [
                (one, "line-2/up/state"),
                (one, "line-1/dn/cmd"),
                (one, "line-2/dn/cmd"),
                (two, "all/cmd"),
                (consumer, "line-1/dn/cmd"),
                (console, "line-1/up/state"),
            ]
            for client, topic in refused:
                with pytest.raises(BrokerError, match="Not authorized"):
                    await client.broker.publish(f"{ROOT}/{topic}", b"wrong")
            await console.broker.publish(f"{ROOT}/line-1/dn/cmd", b"last")
            await one.broker.publish(f"{ROOT}/line-1/up/last", b"last")
            got = [await one.got.get() for _ in range(5)]
            seen = [(await consumer.got.get())[1] for _ in range(2)]

            assert [topic.removeprefix(f"{ROOT}/") for topic, _ in got[:4]] == [topic for _, topic in allowed[1:]]
            assert seen == [b"line-1/up/s/results", b"last"]
            assert two.got.empty(), "a device heard what was for another"

    run(tmp_path, body)


def test_a_client_cannot_take_over_another_by_its_id(tmp_path: Path) -> None:
    """With line-2's certificate and line-1's client id one gets line-2's session: nothing of line-1's arrives."""

    async def body(fleet: FleetFolder) -> None:
        one = Client(tls_client(fleet, "line-1"))
        thief = Client(tls_client(fleet, "line-2", client_id="line-1"))
        console = Client(tls_client(fleet, "console-1"))
        topic = f"{ROOT}/line-1/dn/#"
        async with one.connected(topic), console.connected(), thief.connected(topic):
            await console.broker.publish(f"{ROOT}/line-1/dn/cmd", b"for line-1")
            got = await one.got.get()

            assert got[1] == b"for line-1" and thief.got.empty()

    run(tmp_path, body)


def test_without_a_certificate_or_with_a_strangers_nobody_comes_in(tmp_path: Path) -> None:
    async def body(fleet: FleetFolder) -> None:
        ours = tls_files(fleet, "line-1")
        other = tls_files(new_fleet(tmp_path / "other", 1), "line-1")
        stranger = tls_client(fleet, "line-1", tls=TlsFiles(ours.ca, other.certificate, other.key))
        deceived = tls_client(fleet, "line-1", tls=other)

        assert "unknown ca" in (await refusal(stranger)).lower()
        assert "self-signed certificate in certificate chain" in (await refusal(deceived)).lower().replace(
            "self ", "self-"
        )
        bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        bare.load_verify_locations(ours.ca)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(_speak, bare, fleet.port)

    run(tmp_path, body)


def _speak(context: ssl.SSLContext, port: int) -> None:
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        wrapped.sendall(b"\x10\x0f\x00\x04MQTT\x05\x02\x00\x05\x00\x00\x02ab")
        if not wrapped.recv(10):
            raise ConnectionError("closed")


def test_tls_1_2_is_not_spoken_by_either_end(tmp_path: Path) -> None:
    async def body(fleet: FleetFolder) -> None:
        files = tls_files(fleet, "line-1")
        assert client_context(files).minimum_version is ssl.TLSVersion.TLSv1_3
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(files.ca)
        old.load_cert_chain(files.certificate, files.key)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.to_thread(_speak, old, fleet.port)

    run(tmp_path, body)


def test_a_revoked_certificate_is_refused_once_the_broker_has_read_the_list(tmp_path: Path) -> None:
    fleet = new_fleet(tmp_path, free_port())
    files = tls_files(fleet, "line-1")
    kept = tmp_path / "kept"
    kept.mkdir()
    for path in (files.ca, files.certificate, files.key):
        (kept / Path(path).name).write_bytes(Path(path).read_bytes())
    old = TlsFiles(str(kept / "ca.pem"), str(kept / "device.pem"), str(kept / "device.key"))

    async def body() -> str:
        async with asyncio.timeout(30):
            async with Client(tls_client(fleet, "line-1", tls=old)).connected():
                pass
            fleet.decommission("line-1")
            process.send_signal(signal.SIGTERM)
            process.wait()
            again = start_configured(fleet.root / "broker/mosquitto.conf", fleet.port)
            try:
                return await refusal(tls_client(fleet, "line-1", tls=old))
            finally:
                again.kill()
                again.wait()

    process = start_configured(fleet.root / "broker/mosquitto.conf", fleet.port)
    try:
        assert "revoked" in asyncio.run(body()).lower()
    finally:
        process.kill()
        process.wait()


def test_an_expired_or_early_certificate_is_named_with_its_day_and_the_mend(tmp_path: Path) -> None:
    """No broker is there; what is said of the certificate is added to that."""
    fleet = new_fleet(tmp_path, 1)
    files = tls_files(fleet, "line-1")
    now_ns, day_ns = SystemClock().wall_ns(), 86_400 * 10**9

    assert why_closed("127.0.0.1", 1, files, now_ns) == "127.0.0.1:1: [Errno 111] Connection refused"
    assert "ended on" in why_closed("127.0.0.1", 1, files, now_ns + 400 * day_ns)
    assert "set the clock" in why_closed("127.0.0.1", 1, files, now_ns - 400 * day_ns)


def test_an_expired_certificate_is_refused_by_the_broker_and_the_reason_told(tmp_path: Path) -> None:
    class Past(SystemClock):
        def wall_ns(self) -> int:
            return super().wall_ns() - 500 * 86_400 * 10**9

    async def body(fleet: FleetFolder) -> None:
        FleetFolder(fleet.root, Past()).enrol("line-9")
        why = await refusal(tls_client(fleet, "line-9"))

        assert "expired" in why and "ended on" in why and "renew it" in why

    run(tmp_path, body)


def test_a_certificate_that_is_not_valid_yet_is_refused_by_the_broker_and_the_reason_told(tmp_path: Path) -> None:
    class Future(SystemClock):
        def wall_ns(self) -> int:
            return super().wall_ns() + 30 * 86_400 * 10**9

    async def body(fleet: FleetFolder) -> None:
        FleetFolder(fleet.root, Future()).enrol("line-9")
        why = await refusal(tls_client(fleet, "line-9"))

        assert "begins on" in why and "set the clock" in why

    run(tmp_path, body)


def test_a_missing_file_is_named_and_no_plain_connection_is_tried(tmp_path: Path) -> None:
    async def body(fleet: FleetFolder) -> None:
        files = tls_files(fleet, "line-1")
        os.unlink(files.key)  # noqa: PTH108 - a loop may not call what Path does

        assert await refusal(tls_client(fleet, "line-1", tls=files)) == (
            f"{files.key}: No such file or directory (`ripieno fleet enrol` makes it)"
        )

    run(tmp_path, body)


def test_a_third_partys_client_reads_what_a_device_says(tmp_path: Path) -> None:
    """mosquitto_sub with the consumer's certificate."""

    async def body(fleet: FleetFolder) -> None:
        ca, certificate, key = fleet.client("consumer")
        words = ["mosquitto_sub", "-V", "5", "-h", "127.0.0.1", "-p", str(fleet.port), "-C", "1", "-W", "20"]
        words += ["--cafile", str(ca), "--cert", str(certificate), "--key", str(key), "-t", f"{ROOT}/+/up/#"]
        listener = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE, env=os.environ)
        async with Client(tls_client(fleet, "line-1")).connected() as one:
            while listener.returncode is None:
                await one.broker.publish(f"{ROOT}/line-1/up/state", b"hello", retain=True)
                await asyncio.sleep(0.1)
        out, _ = await listener.communicate()

        assert out == b"hello\n"

    run(tmp_path, body)


def test_a_device_with_the_certificate_of_another_name_is_told_which_it_is(tmp_path: Path) -> None:
    """Its device file says `id: vm`, and it was enrolled as line-1: it connects, and may say nothing."""

    async def body(fleet: FleetFolder) -> None:
        files = tls_files(fleet, "line-1")
        other = Client(tls_client(fleet, "vm", tls=files))
        async with other.connected():
            with pytest.raises(BrokerError) as caught:
                await other.broker.publish(f"{ROOT}/vm/up/state", b"x")
        right = Client(tls_client(fleet, "line-1", tls=files))
        async with right.connected():
            with pytest.raises(BrokerError) as wrong_topic:
                await right.broker.publish(f"{ROOT}/line-2/up/state", b"x")

        assert f"Not authorized; {files.certificate} is of line-1, and this device is called vm" in str(caught.value)
        assert str(wrong_topic.value).endswith("Not authorized")

    run(tmp_path, body)
