"""The unit that ships: accepted by systemd itself, as well shut in as promised, and what the wheel installs."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tiers import find, need

from ripieno_daemon.installing import place, unit_files
from ripieno_daemon.installing.files import PROGRAM, WHERE, folder

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "systemd/ripieno.service"
THRESHOLD = "15"


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    need("systemd", "systemd-analyze")
    program = find("systemd-analyze")
    assert program is not None
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)


def exposure(unit: Path) -> int:
    """Return systemd-analyze's exit code for this unit at our threshold."""
    return analyze("security", "--offline=true", f"--threshold={THRESHOLD}", "--no-pager", str(unit)).returncode


def installed(tmp_path: Path) -> Path:
    """Return the unit as it is installed, with a program that exists."""
    place(unit_files(sys.executable), tmp_path)
    return tmp_path / WHERE["ripieno.service"]


def test_the_unit_is_shut_in_as_promised() -> None:
    assert exposure(UNIT) == 0


@pytest.mark.parametrize(
    "protection", ["NoNewPrivileges=yes", "ProtectSystem=strict", "SystemCallFilter=~@privileged @resources"]
)
def test_the_gate_notices_a_protection_that_is_missing(protection: str, tmp_path: Path) -> None:
    """Negative control: one line less, and the threshold is passed."""
    weaker = tmp_path / "ripieno.service"
    text = UNIT.read_text()
    assert protection in text
    weaker.write_text(text.replace(protection + "\n", ""))

    assert exposure(weaker) != 0


def test_systemd_accepts_the_unit_without_a_word(tmp_path: Path) -> None:
    checked = analyze("verify", "--man=no", str(installed(tmp_path)))

    assert (checked.returncode, checked.stderr) == (0, "")


def test_systemd_names_a_setting_that_it_does_not_know(tmp_path: Path) -> None:
    """Negative control of the test above."""
    unit = installed(tmp_path)
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSec="))

    assert "WatchDogSec" in analyze("verify", "--man=no", str(unit)).stderr


def test_the_unit_keeps_what_models_need_to_be_fast() -> None:
    """ProcSubset=pid hides /proc/cpuinfo: inference was measured 9 to 16 times slower."""
    settings = [line for line in UNIT.read_text().splitlines() if not line.startswith("#")]

    assert not [line for line in settings if line.startswith("ProcSubset")]


def test_an_installed_unit_starts_the_program_that_installed_it(tmp_path: Path) -> None:
    first = place(unit_files("/srv/venv/bin/ripieno"), tmp_path)
    again = place(unit_files("/srv/venv/bin/ripieno"), tmp_path)

    text = (tmp_path / WHERE["ripieno.service"]).read_text()
    assert "ExecStart=/srv/venv/bin/ripieno run" in text
    assert PROGRAM not in text
    assert {one.did for one in first} == {"new"}
    assert {one.did for one in again} == {"unchanged"}


def test_the_command_installs_below_a_root(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "ripieno_daemon", "systemd", "install", "--root", str(tmp_path), "--json", "-"]
    told = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)

    assert sorted(one["name"] for one in told["files"]) == sorted(WHERE)
    assert all((tmp_path / place).is_file() for place in WHERE.values())


def test_every_file_of_the_folder_is_installed_and_in_the_wheel() -> None:
    """A file that is added to systemd/ and to no list would be on nobody's device."""
    found = {path.relative_to(folder()).as_posix() for path in folder().rglob("*") if path.is_file()}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert found == set(WHERE)
    assert (
        settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]["systemd"] == "ripieno_daemon/systemd"
    )
