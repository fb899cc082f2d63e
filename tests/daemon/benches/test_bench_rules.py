"""`ripieno bench rules`: its figures exist and are of the right size; how good they are depends on the machine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ripieno.engine import Engine
from ripieno.plan import decode, encode
from ripieno_daemon.benches import WANTED, missed
from ripieno_daemon.benches.plans import device, many_inputs, readings, shared_input
from ripieno_daemon.cli import main

REACHED = {"rule_us": 0.2, "evaluations_per_s_300": 1_000_000, "event_us": 60.0, "rss_mb_8000": 150.0}


def test_the_command_measures_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["bench", "rules", "--quick", "--json", "-"])

    figures: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == (1 if figures["missed"] else 0)
    assert set(WANTED) <= set(figures)
    assert 1 < figures["rule_ratio"] < 50
    assert 0.3 < figures["evaluation_ratio_300_without_engine"] < figures["evaluation_ratio_300"] < 500
    assert figures["event_us"] > 10 * figures["rule_us"]
    assert 10 < figures["rss_mb_1"] < figures["rss_mb_8000"] <= figures["peak_mb_8000"] < 500


def test_a_figure_that_does_not_reach_its_goal_is_named() -> None:
    assert missed(REACHED) == []
    assert missed({**REACHED, "rule_us": 0.3, "evaluations_per_s_300": 999_999}) == [
        "rule_us: 0.3, wanted at most 0.25",
        "evaluations_per_s_300: 999999, wanted at least 1e+06",
    ]


def test_the_readings_turn_rules_and_are_evidence() -> None:
    """Rules that are never true, or always unknown, would be cheaper than those of a plant."""
    engine = Engine(shared_input(300))
    held = []
    for event in readings(600):
        engine.step(event)
        held.append(sum(engine.steering.watch(f"rule_{number}").since_t is not None for number in range(0, 300, 30)))

    assert min(held) == 1
    assert max(held) == 10
    assert "setpoints_let_go" not in engine.counters


def test_the_plan_of_many_rules_is_one_that_is_run() -> None:
    plan = device(many_inputs(40))

    assert decode(encode(plan)) == plan
    engine = Engine(plan.pipelines[0])
    for event in readings(20 * 30, inputs=20):
        engine.step(event)
    assert any(engine.steering.watch(f"rule_{number}").since_t is not None for number in range(3, 40, 4))
