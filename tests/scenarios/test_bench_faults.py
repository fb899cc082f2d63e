"""`ripieno bench link-faults`: each fault is really played; how late the loop was is the machine's business."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import uvloop

from ripieno_sim.stage.bench.faults import play
from ripieno_sim.stage.bench.faults_command import COMMAND, missed

BAUD = 1_000_000


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(play(tmp_path_factory.mktemp("faults"), BAUD, 1.0, lambda text: None))


def test_a_stuck_peer_ends_the_session_and_leaves_bytes_that_wait(faults: dict[str, dict[str, Any]]) -> None:
    assert faults["stuck"]["waiting_bytes"] > 0
    assert faults["stuck"]["waiting_bytes"] < 1200
    assert faults["stuck"]["turns_per_s"] < 200


def test_a_flood_comes_at_the_lines_full_rate_and_costs_few_turns(faults: dict[str, dict[str, Any]]) -> None:
    told = faults["flood"]
    assert told["flooded_bytes"] > BAUD / 10 / 2
    assert told["turns_per_s"] < 400
    assert told["sessions"] == 0


def test_a_plug_that_is_pulled_in_mid_frame_is_found_under_its_other_name(faults: dict[str, dict[str, Any]]) -> None:
    told = faults["unplugged"]
    assert told["unplugged"] >= 2
    assert told["sessions"] == told["unplugged"]
    assert told["back_ms"]["max"] > 0
    assert any("tty-1: unplugged" in text for text in told["said"])
    assert any("tty-2: unplugged" in text for text in told["said"])


def test_what_is_measured_is_there(faults: dict[str, dict[str, Any]]) -> None:
    """Sizes that a busy machine keeps, and that a mistake in a unit does not."""
    assert list(faults) == ["quiet", "stuck", "flood", "unplugged"]
    for told in faults.values():
        assert 0 <= told["lateness_ms"]["p50"] < 100
        assert 0.001 < told["cpu_share"] < 0.8
        assert abs(told["rss_growth_kb"]) < 20_000


def test_a_limit_that_is_missed_is_named() -> None:
    good = {"lateness_ms": {"p50": 0.2, "p99": 19.9}, "cpu_share": 0.0999, "rss_growth_kb": 1024}
    late = {**good, "lateness_ms": {"p50": 0.2, "p99": 20.0}}

    assert missed({"quiet": good}) == []
    assert missed(
        {"stuck": late, "flood": {**good, "cpu_share": 0.1}, "unplugged": {**good, "rss_growth_kb": 1025}}
    ) == [
        "stuck: lateness p99 20.0 ms, wanted below 20",
        "flood: 10.0% of a processor, wanted below 10%",
        "unplugged: 1025 kB more memory, wanted at most 1024",
    ]


def test_the_command_is_found_by_its_entry_point() -> None:
    settings = (Path(__file__).parents[2] / "pyproject.toml").read_text()

    assert COMMAND.name == "bench link-faults"
    assert '"bench link-faults" = "ripieno_sim.stage.bench.faults_command:COMMAND"' in settings
