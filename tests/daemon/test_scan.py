"""`ripieno scan`: devices by lasting names, a port in use left alone, a board named for the device file."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ripieno_daemon.cli import main
from ripieno_daemon.scanning import CAMERA, SERIAL, found, holders
from ripieno_sim.board import BoardSettings
from ripieno_sim.line.ptys import PtyPort
from ripieno_sim.plant import CHANNELS, ConveyorSettings
from ripieno_sim.rig import Rig, conveyor_rig

BOARD = "usb-Ripieno_Board_0001-if00"


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """A folder as udev fills it: a board with an id, an adapter that shares its id's name, two cameras, and noise."""
    dev = tmp_path / "dev"
    for folder in ("serial/by-id", "serial/by-path", "v4l/by-id", "v4l/by-path"):
        (dev / folder).mkdir(parents=True)
    for node in ("ttyACM0", "ttyUSB10", "ttyUSB2", "ttyS0", "tty1", "null", "video0", "video1", "video2"):
        (dev / node).touch()
    link(dev / "serial/by-id" / BOARD, "ttyACM0")
    link(dev / "serial/by-path/pci-0000:00:14.0-usb-0:1:1.0", "ttyACM0")
    link(dev / "serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0", "ttyUSB2")
    link(dev / "serial/by-id/usb-gone-if00", "ttyUSB7")
    link(dev / "v4l/by-id/usb-Cam_12-video-index0", "video0")
    link(dev / "v4l/by-id/usb-Cam_12-video-index1", "video1")
    return dev


def link(name: Path, node: str) -> None:
    name.symlink_to(Path("../..") / node)


def test_each_device_is_found_once_by_its_lasting_name(dev: Path) -> None:
    names = [(each.kind, Path(each.name).name) for each in found(dev)]

    assert names == [
        (SERIAL, BOARD),
        (SERIAL, "pci-0000:00:14.0-usb-0:2:1.0-port0"),
        (SERIAL, "ttyUSB10"),
        (CAMERA, "usb-Cam_12-video-index0"),
        (CAMERA, "usb-Cam_12-video-index1"),
        (CAMERA, "video2"),
    ]


def test_a_name_that_may_change_is_said(dev: Path) -> None:
    notes = {Path(each.node).name: each.note for each in found(dev)}

    assert notes["ttyACM0"] == ""
    assert "socket" in notes["ttyUSB2"]
    assert "another device" in notes["ttyUSB10"]


def test_a_machine_without_devices_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "--dev", str(tmp_path / "nothing"), "--proc", str(tmp_path)]) == 0
    assert "no serial port" in capsys.readouterr().out


def test_who_has_a_node_open_is_found(tmp_path: Path) -> None:
    for pid, name, opened in ((7, "gpsd", "/dev/ttyUSB2"), (41, "bash", "/dev/null")):
        process = tmp_path / str(pid)
        (process / "fd").mkdir(parents=True)
        (process / "comm").write_text(name + "\n")
        (process / "fd/3").symlink_to(opened)
    (tmp_path / "9").mkdir()  # one whose files this user may not see
    (tmp_path / "version").touch()

    assert holders(tmp_path, "/dev/ttyUSB2") == ["gpsd (7)"]
    assert holders(tmp_path, "/dev/ttyUSB3") == []


def test_a_real_process_is_seen() -> None:
    ours, theirs = os.openpty()
    try:
        assert any(f"({os.getpid()})" in each for each in holders(Path("/proc"), os.ttyname(theirs)))
    finally:
        os.close(ours)
        os.close(theirs)


@contextmanager
def board_at(path: Path) -> Iterator[Rig]:
    """Run the Python board behind a terminal in a thread of its own; `path` leads to it."""
    settings = BoardSettings(table=CHANNELS, baud=115_200, device_uid=b"board-number")
    rig = conveyor_rig(1, baud=115_200, board=settings, plant=ConveyorSettings(parts=1, starts_us=None))
    running, end = threading.Event(), threading.Event()

    async def serve() -> None:
        async with PtyPort(rig, path):
            running.set()
            while not end.is_set():  # noqa: ASYNC110  # an event of another thread
                await asyncio.sleep(0.005)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert running.wait(5)
    try:
        yield rig
    finally:
        end.set()
        thread.join()


def scanned(dev: Path, proc: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["scan", "--dev", str(dev), "--proc", str(proc), "--json", "-", *words]) == 0
    devices: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["devices"]
    return devices


def test_a_board_answers_and_keeps_its_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal is in use by this very process, which an empty /proc hides."""
    dev, proc = tmp_path / "dev", tmp_path / "proc"
    (dev / "serial/by-id").mkdir(parents=True)
    proc.mkdir()
    with board_at(dev / "serial/by-id" / BOARD) as rig:
        (one,) = scanned(dev, proc, capsys, "--probe", "--baud", "115200")
        assert not rig.board.in_session, "a question takes no session"

    assert one["answer"]["uid"] == b"board-number".hex()
    assert f'uid: "{b"board-number".hex()}"' in one["device_yaml"]
    assert BOARD in one["device_yaml"]


def test_a_port_in_use_is_not_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dev = tmp_path / "dev"
    (dev / "serial/by-id").mkdir(parents=True)
    with board_at(dev / "serial/by-id" / BOARD):
        (one,) = scanned(dev, Path("/proc"), capsys, "--probe", "--baud", "115200")

    assert one["answer"] is None
    assert f"({os.getpid()})" in one["not_asked"]


def test_without_probe_no_port_is_opened(dev: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert all("answer" not in each for each in scanned(dev, tmp_path, capsys))


def test_a_sensor_that_prints_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dev, proc = tmp_path / "dev", tmp_path / "proc"
    (dev / "serial/by-id").mkdir(parents=True)
    proc.mkdir()
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    (dev / "serial/by-id/usb-Scale-if00").symlink_to(os.ttyname(theirs))
    stop = threading.Event()

    def print_weights() -> None:
        while not stop.wait(0.02):
            os.write(ours, b"W 12.5 kg\r\n")

    thread = threading.Thread(target=print_weights)
    thread.start()
    try:
        (one,) = scanned(dev, proc, capsys, "--probe", "--baud", "9600")
    finally:
        stop.set()
        thread.join()
        os.close(ours)
        os.close(theirs)

    assert "W 12.5 kg" in one["answer"]["says"]
