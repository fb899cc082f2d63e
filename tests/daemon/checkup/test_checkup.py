"""A checkup finds what is wrong, names the mend, and is content with what is right."""

from __future__ import annotations

import asyncio
import datetime
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from ripieno.plan import BrokerPlan, DevicePlan, PointPlan
from ripieno.plan.tree import AlarmsPlan, ChannelPlan
from ripieno_daemon.checkup import BAD, GOOD, WARN, Finding, checkup
from ripieno_daemon.checkup import broker as broker_room
from ripieno_daemon.checkup import machine as machine_room
from ripieno_daemon.checkup.alarms import alarms
from ripieno_daemon.checkup.attached import attached
from ripieno_daemon.checkup.runtimes import runtimes
from ripieno_daemon.starter import Choice, write


def device(name: str, driver: str, **places: str) -> SimpleNamespace:
    return SimpleNamespace(devices=(DevicePlan(name, driver, {}, places, ()),))


def look(plan: object, folder: Path) -> list[Finding]:
    (folder / "dev").mkdir(exist_ok=True)
    (folder / "proc").mkdir(exist_ok=True)
    return list(attached(plan, folder / "dev", folder / "proc"))  # type: ignore[arg-type]


def test_a_port_that_is_not_there_is_bad(tmp_path: Path) -> None:
    found = look(device("conveyor", "link", port=str(tmp_path / "dev/ttyUSB7")), tmp_path)

    assert [(one.how, one.about) for one in found] == [(BAD, "device conveyor")]
    assert "does not exist" in found[0].text and "ripieno scan" in found[0].mend


def test_a_port_that_another_program_has_is_bad_and_ours_is_not(tmp_path: Path) -> None:
    port = tmp_path / "dev/board"
    (tmp_path / "dev").mkdir()
    port.touch()
    results = []
    for program in ("ModemManager", "ripieno"):
        held = tmp_path / "proc/77/fd"
        held.mkdir(parents=True, exist_ok=True)
        (held.parent / "comm").write_text(f"{program}\n")
        (held / "3").unlink(missing_ok=True)
        (held / "3").symlink_to(port)
        results += look(device("conveyor", "link", port=str(port)), tmp_path)

    assert [one.how for one in results] == [BAD, GOOD]
    assert "ModemManager (77)" in results[0].text


def test_a_camera_folder_that_is_missing_is_bad_and_one_that_is_there_is_good(tmp_path: Path) -> None:
    missing = look(device("station", "folder-camera", path=str(tmp_path / "none")), tmp_path)
    there = look(device("station", "folder-camera", path=str(tmp_path)), tmp_path)

    assert (missing[0].how, there[0].how) == (BAD, GOOD)


def test_a_disk_smaller_than_the_quota_is_a_warning(tmp_path: Path) -> None:
    enough = list(machine_room.disk(tmp_path, 1))
    too_small = list(machine_room.disk(tmp_path, 10**18))

    assert GOOD in {one.how for one in enough} and BAD not in {one.how for one in enough}
    assert too_small[0].how == WARN and "storage.quota" in too_small[0].mend


def test_a_clock_before_the_release_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device without a battery clock starts in the past, and signatures expire by the clock (D9)."""
    monkeypatch.setattr(machine_room.time, "time", lambda: 946_684_800.0)

    assert machine_room.clock().how == BAD


def test_a_broker_that_answers_is_good_and_one_that_does_not_is_bad() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        there = asyncio.run(broker_room.broker(BrokerPlan("mqtt", "127.0.0.1", port, "hall")))
    gone = asyncio.run(broker_room.broker(BrokerPlan("mqtt", "127.0.0.1", port, "hall")))

    assert [one.how for one in there] == [GOOD]
    assert [one.how for one in gone] == [BAD]


def certificate(path: Path, days: int) -> str:
    key, now = ed25519.Ed25519PrivateKey.generate(), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "line-1")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=400))
        .not_valid_after(now + datetime.timedelta(days=days))
        .sign(key, None)
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return str(path)


@pytest.mark.parametrize(("days", "how"), [(-1, BAD), (10, WARN), (300, GOOD)])
def test_a_certificate_is_looked_at_before_it_expires(days: int, how: str, tmp_path: Path) -> None:
    tls = SimpleNamespace(ca=certificate(tmp_path / "ca.pem", days), certificate="", key="")

    assert [one.how for one in broker_room._certificates(tls)] == [how]


def test_every_runtime_runs_a_real_model() -> None:
    async def all_of_them() -> list[Finding]:
        return [one async for one in runtimes()]

    found = asyncio.run(all_of_them())

    assert [one for one in found if one.how == GOOD], found
    assert all("golden pictures" in one.text for one in found if one.how == GOOD)


def test_no_runtime_at_all_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ripieno_daemon.checkup.runtimes.known_names", lambda: ["none-such"])

    async def all_of_them() -> list[Finding]:
        return [one async for one in runtimes()]

    found = asyncio.run(all_of_them())

    assert [one.how for one in found] == [BAD]
    assert "none-such" in found[0].text


def test_the_problems_of_a_device_file_are_findings_with_their_places(tmp_path: Path) -> None:
    choice = Choice("line-1", "hall", "pipelines/quality-control", str(tmp_path / "state"), "", "camera", "line")
    file = Path(write(tmp_path, choice).device_file)
    file.write_text(file.read_text().replace("outputs:", "outputz:"))

    async def first() -> Finding:
        async for finding in checkup(str(file), tmp_path, tmp_path):
            return finding
        raise AssertionError

    found = asyncio.run(first())

    assert found.how == BAD
    assert "device.yaml:" in found.text and "outputz" in found.text


def test_a_channel_of_alarms_whose_secret_cannot_be_read_is_bad(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    pager = DevicePlan(
        "pager",
        "http-booking",
        {},
        {"url": "https://pager.site", "token_file": str(secret)},
        (PointPlan("alarms.pager", "message", {"path": "/x", "method": "POST"}),),
    )
    channels = (ChannelPlan("pager", "alarms.pager", "message", "low"),)
    plan = AlarmsPlan(channels=channels, devices=(pager,))

    missing = list(alarms(plan))
    secret.write_text("x")
    there = list(alarms(plan))
    nobody = list(alarms(AlarmsPlan()))

    assert [one.how for one in missing] == [BAD] and str(secret) in missing[0].text
    assert [one.how for one in there] == [GOOD] and "https://pager.site" in there[0].text
    assert [one.how for one in nobody] == [GOOD]
