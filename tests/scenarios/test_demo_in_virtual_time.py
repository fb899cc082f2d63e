"""The whole daemon on a line simulated from a seed: what must hold in every run, and that a run can be repeated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiers import need

from ripieno_daemon.cli import main
from ripieno_sim.stage.report import broken
from ripieno_sim.stage.scene import Settings
from ripieno_sim.stage.virtual import run_virtual

PARTS = 120


def run(folder: Path, **given: Any) -> dict[str, Any]:
    """Run the demo in this process; a failure names the seed that repeats it."""
    folder.mkdir()
    settings = Settings(**{"parts": PARTS, **given})
    figures = run_virtual(settings, folder, lambda _: None)
    assert broken(figures) == [], f"seed {settings.seed}, kills {settings.kills}: {figures}"
    return figures


def command(folder: Path, seed: int, hash_seed: str) -> dict[str, Any]:
    """Run the demo as a user does, in a process and a directory of its own."""
    folder.mkdir()
    words = ["demo", "--virtual", "--seed", str(seed), "--parts", "60", "--json", "out.json"]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    subprocess.run([sys.executable, "-m", "ripieno_daemon", *words], cwd=folder, env=environment, check=True)
    figures: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return figures


def test_the_line_is_inspected_and_steered(tmp_path: Path) -> None:
    figures = run(tmp_path / "run", parts=300)

    assert figures["outcome"]["undecided"] == 0
    assert figures["actuation"]["executed"] >= 0.98 * figures["actuation"]["intended"]
    assert figures["actuation"]["late"] == 0
    assert figures["control"]["error_end"] <= figures["control"]["error_uncorrected"] / 3


def test_the_same_seed_gives_the_same_ledger_in_two_processes_and_directories(tmp_path: Path) -> None:
    first = command(tmp_path / "one", 5, "1")
    second = command(tmp_path / "another", 5, "2")
    other = command(tmp_path / "third", 6, "1")

    assert first["ledger_head"] == second["ledger_head"]
    assert first["ledger_head"] != other["ledger_head"]


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_daemon_that_is_killed_again_and_again_doubles_and_loses_nothing(tmp_path: Path, seed: int) -> None:
    figures = run(tmp_path / "run", seed=seed, kills=6)

    assert figures["starts"] >= 3


def test_a_folder_of_pictures_takes_the_place_of_drawn_ones(tmp_path: Path) -> None:
    from ripieno_sim.plant.picture import render

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    rows = ["file,class"]
    for label, width in (("under", 0.75), ("normal", 1.0), ("over", 1.4)):
        for number in range(4):
            drawn = render(width, number)
            ending = ".png" if drawn.startswith(b"\x89PNG") else ".jpg"
            name = f"{label}{number}{ending}"
            (pictures / name).write_bytes(drawn)
            rows.append(f"{name},{label}")
    (pictures / "labels.csv").write_text("\n".join(rows))
    figures = run(tmp_path / "run", images=pictures)

    assert figures["outcome"]["passed_good"] > 0
    assert figures["outcome"]["undecided"] == 0


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (None, "there is no labels.csv"),
        ("file,kind\na.png,normal\n", "the column 'class' is missing"),
        ("file,class\na.png,normal\n", "the file 'a.png' is not there"),
        ("file,class\n", "no picture of class"),
    ],
)
def test_a_folder_that_cannot_serve_is_refused_with_exit_2(tmp_path: Path, table: str | None, said: str) -> None:
    if table is not None:
        (tmp_path / "labels.csv").write_text(table)
    words = ["demo", "--virtual", "--parts", "5", "--images", str(tmp_path)]
    ended = subprocess.run([sys.executable, "-m", "ripieno_daemon", *words], capture_output=True, text=True)

    assert ended.returncode == 2
    assert said in ended.stderr


@pytest.mark.parametrize("seed", range(20, 25))
def test_parts_that_pass_while_no_daemon_runs_are_counted_even_if_the_next_one_is_stopped_at_once(
    tmp_path: Path, seed: int
) -> None:
    """Found on a slow machine: a daemon stopped before it had heard the count left its parts without a verdict."""
    figures = run(tmp_path / "run", seed=seed, parts=30, kills=12)

    assert sum(figures["verdicts"].values()) == 30


@pytest.mark.parametrize("kills", [0, 3])
def test_the_firmwares_core_gives_the_same_run_as_the_python_board(tmp_path: Path, kills: int) -> None:
    """Two boards written apart from one page: the same counts, the same record. No load of a machine plays a part."""
    need("gcc", "make", "cc")
    python = run(tmp_path / "python", seed=8, kills=kills)
    firmware = run(tmp_path / "firmware", seed=8, kills=kills, board="host")

    assert firmware == python
    assert firmware["actuation"]["executed"] > PARTS // 3


def test_an_emulated_processor_has_no_virtual_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--virtual", "--board", "qemu"]) == 2
    assert "--board host" in capsys.readouterr().err
