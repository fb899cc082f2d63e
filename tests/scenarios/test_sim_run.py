"""`ripieno sim run`: the whole daemon under everything that can go wrong; what must hold does, and a seed repeats."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from ripieno_daemon.cli import main
from ripieno_sim.board.orders import Orders
from ripieno_sim.stage.campaign.bundle import PIPELINE
from ripieno_sim.stage.campaign.faults import FAULTS
from ripieno_sim.stage.campaign.judge.invariants import INVARIANTS
from ripieno_sim.stage.campaign.judge.reference import RULES
from ripieno_sim.stage.campaign.many import run_one
from ripieno_sim.stage.campaign.terms import draw_terms

DOCS = Path(__file__).resolve().parents[2] / "docs/simulate.md"
CALL = ["sim", "run", "--json", "-"]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """Call the command; return its exit code and its JSON."""
    code = main([*CALL, *words])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_twenty_seeds_of_ten_minutes_hold(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = said(capsys, "--seeds", "0:20", "--minutes", "10")

    assert (code, told["violations"]) == (0, [])
    assert (told["seeds"], told["plant_s"] > 12_000) == (20, True)
    assert set(told["faults"]) == set(FAULTS), "a kind of fault that never comes proves nothing"
    least = {"parts": 3_000, "passed": 1_000, "acts": 1_000, "in_doubt": 5, "lives": 80, "corrections": 300}
    assert {name: told["counts"][name] for name in least if told["counts"][name] < least[name]} == {}


def test_the_same_seed_gives_the_same_ledger_in_another_process_under_another_hash_seed() -> None:
    def heads(hash_seed: str, jobs: str) -> Any:
        words = [*CALL, "--seeds", "30:34", "--minutes", "2", "--jobs", jobs]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        ended = subprocess.run(
            [sys.executable, "-m", "ripieno_daemon", *words], env=environment, check=True, capture_output=True
        )
        return json.loads(ended.stdout)["heads"]

    first = heads("1", "1")

    assert first == heads("2", "2")
    assert len(set(first.values())) == 4


def test_a_broken_promise_is_told_with_its_story_and_the_command_that_repeats_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Negative control: a board that stays on over a silent host."""
    seeds = ["--seeds", "1:4", "--minutes", "3", "--jobs", "1"]
    with mock.patch.object(Orders, "fall_safe", lambda self, cause, now_us: None):
        code = main([*CALL, *seeds])
    printed = capsys.readouterr()
    found = [
        one for one in json.loads(printed.out)["violations"] if one["invariant"] == "outputs are safe without a host"
    ]

    assert code == 1
    assert found
    again = f"ripieno sim run --seeds {found[0]['seed']}:{found[0]['seed'] + 1} --minutes 3"
    assert f"again: {again}" in printed.err
    assert "the daemon is killed" in printed.err


def test_a_fault_that_is_left_out_moves_no_other() -> None:
    whole = draw_terms(4, 10)
    less = draw_terms(4, 10, ["kill", "picture-late"])

    assert "kill" in whole.faults()
    assert whole.faults()["picture-late"]
    assert {"kill", "picture-late"}.isdisjoint(less.faults())
    assert [one for one in whole.happenings if one.fault.name != "kill"] == list(less.happenings)
    assert {**whole.chances, "picture-late": 0.0} == less.chances
    assert (whole.belt, whole.pitch_mm, whole.variant) == (less.belt, less.pitch_mm, less.variant)


def test_without_any_fault_only_the_model_is_wrong() -> None:
    ran = run_one(3, 3.0, list(FAULTS))

    assert ran.violations == []
    assert (ran.counts["lives"], ran.counts["in_doubt"], ran.counts["board_resets"], ran.faults) == (1, 0, 0, {})
    assert ran.counts["acts"] - 2 <= ran.counts["passed"] <= ran.counts["acts"]  # the belt rests under an open gate
    assert ran.counts["passed"] > 20


def test_the_ledger_of_a_seed_can_be_kept_and_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "run"

    assert said(capsys, "--seeds", "7", "--minutes", "1", "--state", str(state))[0] == 0
    assert main(["ledger", "verify", str(state)]) == 0
    assert main(["replay", str(state)]) == 0


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--without", "kills"], "there is no fault 'kills'"),
        (["--seeds", "0:2", "--state", "somewhere"], "--state is for one seed"),
        (["--state", ".", "--seeds", "1"], "not an empty folder"),
        (["--jobs", "-1"], "--jobs"),
    ],
)
def test_a_bad_call_is_answered_with_exit_2(words: list[str], answer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "run", *words]) == 2
    assert answer in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--seeds", "5:5"], ["--seeds", "a:b"], ["--seeds", "-3:2"], ["--minutes", "0"]])
def test_numbers_that_make_no_sense_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sim", "run", *words])

    assert ended.value.code == 2


def test_the_faults_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = said(capsys, "--faults", "list")

    assert code == 0
    assert told == {fault.name: fault.says for fault in FAULTS.values()}


def test_the_reference_names_the_rules_over_time_of_the_pipeline() -> None:
    rules = yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))["rules"]
    over_time = {name: rule for name, rule in rules.items() if "each" not in rule}

    assert [rule.name for rule in RULES] == list(over_time)
    for rule in RULES:
        written = over_time[rule.name]
        assert rule.after_gap == written.get("after_gap", "start_over")
        assert rule.for_ns == nanoseconds(written.get("for", "0s"))
        assert rule.cooldown_ns == nanoseconds(written.get("cooldown", "0s"))
        assert (rule.trial is not None) == ("verify" in written)


def nanoseconds(text: str) -> int:
    found = re.fullmatch(r"([0-9]+)(ms|s)", text)
    assert found is not None
    return int(found[1]) * {"ms": 1_000_000, "s": 1_000_000_000}[found[2]]


def test_the_page_names_every_fault_and_every_invariant() -> None:
    page = DOCS.read_text(encoding="utf-8")

    assert [name for name in FAULTS if f"`{name}`" not in page] == []
    assert [name for name in INVARIANTS if f"| {name} |" not in page] == []
