"""`ripieno bench link`: its figures exist and are of the right size; how good they are depends on the machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiers import need

from ripieno_daemon.cli import main
from ripieno_sim.stage.bench.command import missed
from ripieno_sim.stage.bench.measure import Lost


def bench(capsys: pytest.CaptureFixture[str], target: str) -> dict[str, Any]:
    code = main(
        ["bench", "link", "--target", target, "--baud", "1000000", "--acts", "15", "--times", "2", "--json", "-"]
    )
    figures: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == (1 if figures["missed"] else 0)
    return figures


def assert_plausible(figures: dict[str, Any]) -> None:
    """Limits that a busy machine keeps, and that a mistake in a unit or a sign does not."""
    assert figures["acts"] == 30
    assert len(figures["acts_not_done"]) < 5
    assert 0.25 < figures["issue_to_pin_ms"]["p50"] < figures["issue_to_done_ms"]["p50"] < 100
    assert 0 <= figures["pin_error_ms"]["p50"] < 20
    assert 150 < figures["safe_after_host_death_ms"]["p50"] < 450
    assert 250 < figures["silence_noticed_ms"]["p50"] < 600
    for spread in figures["session_back_ms"].values():
        assert 1 < spread["p50"] < 500


def test_the_python_board_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert_plausible(bench(capsys, "pty"))


def test_the_firmware_as_a_process_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    need("gcc", "make", "cc")

    assert_plausible(bench(capsys, "host"))


def test_a_missing_tool_is_said_and_the_exit_is_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(["bench", "link", "--target", "qemu"]) == 2
    assert "apt install qemu-system-arm" in capsys.readouterr().err


def test_a_median_above_its_limit_is_named() -> None:
    good = {"p50": 0.1, "p99": 900.0}
    figures = {
        "target": "pty",
        "baud": 115_200,
        "issue_to_pin_ms": {"p50": 3.2, "p99": 4.0},
        "pin_error_ms": good,
        "session_back_ms": {"board_reset": good, "daemon_restart": {"p50": None, "p99": None}},
        "silence_noticed_ms": good,
        "safe_after_host_death_ms": good,
        "frames_lost": 0,
    }

    assert missed(figures) == [
        "issue_to_pin_ms: median 3.2, wanted at most 3.0",
        "session_back_ms after a daemon restart: median None, wanted at most 20.0",
    ]
    assert missed({**figures, "target": "qemu", "frames_lost": 2, "issue_to_done_ms": {"p50": 11.0, "p99": 12.0}}) == [
        "issue_to_done_ms: median 11.0, wanted at most 10.0",
        "frames_lost: 2, wanted none",
    ]


@pytest.mark.parametrize(
    ("lost", "frames", "late"),
    [
        (Lost(), 0, 0),
        (Lost(resent=3), 0, 3),  # every byte arrived: the answer was late
        (Lost(resent=3, bytes=29), 3, 0),
        (Lost(damaged=1, refused=2, resent=2), 3, 2),
    ],
)
def test_a_frame_is_lost_when_it_did_not_arrive_whole_not_when_its_answer_is_late(
    lost: Lost, frames: int, late: int
) -> None:
    assert (lost.frames, lost.late) == (frames, late)
