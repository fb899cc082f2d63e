"""sd_notify over real sockets: a path and Linux' abstract name."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ripieno_daemon.ports.notify import SystemdNotify


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@ripieno-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        listening.settimeout(5)
        yield address, listening


def test_what_is_said_is_heard(heard: tuple[str, socket.socket]) -> None:
    address, listening = heard
    environment = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(os.getpid())}
    notify = SystemdNotify.from_environment(environment)

    notify("READY=1")
    notify.status("two lines\nbecome one, and a very long one is cut: " + "x" * 1000)

    assert listening.recv(4096) == b"READY=1"
    status = listening.recv(4096).decode()
    assert status.startswith("STATUS=two lines become one") and len(status) <= 307
    assert notify.watchdog_s == 5.0
    assert environment == {}, "a child that inherited them could speak for this process"


def test_a_watchdog_of_another_process_is_not_ours() -> None:
    environment = {"NOTIFY_SOCKET": "@nobody", "WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"}

    assert SystemdNotify.from_environment(environment).watchdog_s is None


def test_without_systemd_nothing_happens() -> None:
    notify = SystemdNotify.from_environment({})
    notify("READY=1")

    assert not notify.is_heard
    assert notify.watchdog_s is None


def test_a_listener_that_is_gone_or_full_costs_nothing(tmp_path: Path) -> None:
    """The control process must never wait for, or die of, who listens."""
    SystemdNotify(str(tmp_path / "nobody"))("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "full"))
        notify = SystemdNotify(str(tmp_path / "full"))
        for _ in range(10_000):
            notify("WATCHDOG=1")
