"""The first minutes with the daemon: init, check, run, on a machine with nothing attached."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

RIPIENO = (sys.executable, "-m", "ripieno_daemon")


def ripieno(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*RIPIENO, *words], capture_output=True, text=True, timeout=60, check=False)


def test_init_check_and_run_work_one_after_the_other(tmp_path: Path) -> None:
    folder = tmp_path / "line-1"

    made = ripieno("init", "--yes", "--dir", str(folder))
    checked = ripieno("check", str(folder))
    words = [*RIPIENO, "run", "--device", str(folder / "device.yaml"), "--json"]
    with (tmp_path / "said").open("wb") as said, subprocess.Popen(words, stderr=said) as daemon:
        deadline = time.monotonic() + 40
        while ripieno("health", "--ready", "--state", str(folder / "state")).returncode:
            assert daemon.poll() is None and time.monotonic() < deadline, (tmp_path / "said").read_text()
        status = ripieno("status", "--state", str(folder / "state"), "--json", "-")
        looked = ripieno("status", "--state", str(folder / "state"))
        daemon.terminate()
        code = daemon.wait(10)

    assert (made.returncode, checked.returncode, code) == (0, 0, 0), (made.stderr, checked.stdout)
    assert json.loads(status.stdout)["devices"]["conveyor"]["up"]
    assert "running: quality-control on" in looked.stdout


def test_what_init_writes_is_there_to_be_read_and_nothing_is_replaced(tmp_path: Path) -> None:
    ripieno("init", "--yes", "--dir", str(tmp_path), "--id", "press-4", "--site", "hall-2")
    text = (tmp_path / "device.yaml").read_text()
    again = ripieno("init", "--yes", "--dir", str(tmp_path))

    assert "device: {id: press-4, site: hall-2}" in text
    assert sum(line.lstrip().startswith("#") for line in text.splitlines()) >= 10
    assert again.returncode == 1 and "is there already" in again.stderr
    assert (tmp_path / "device.yaml").read_text() == text


def test_a_named_port_is_used_and_waits_for_a_person(tmp_path: Path) -> None:
    words = ("--port", "/dev/serial/by-id/usb-board-1", "--camera", str(tmp_path / "top"))
    told = json.loads(ripieno("init", "--yes", "--dir", str(tmp_path), *words, "--json", "-").stdout)
    text = (tmp_path / "device.yaml").read_text()

    assert told["simulated"] is False
    assert 'port: "/dev/serial/by-id/usb-board-1"' in text and "rearm: person" in text
    assert "simulated-line" not in text
    assert ripieno("check", str(tmp_path)).returncode == 0


@pytest.mark.parametrize("words", [("--id", "a b"), ("--site", "x/y")])
def test_a_name_that_no_fleet_takes_is_refused(words: tuple[str, str], tmp_path: Path) -> None:
    refused = ripieno("init", "--yes", "--dir", str(tmp_path), *words)

    assert refused.returncode == 2
    assert not (tmp_path / "device.yaml").exists()


def test_without_a_terminal_it_does_not_hang_on_a_question(tmp_path: Path) -> None:
    asked = subprocess.run(
        [*RIPIENO, "init", "--dir", str(tmp_path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert asked.returncode == 2 and "--yes" in asked.stderr
