"""The soak of the link, in short: every mix holds its promises on both boards, and a broken part is noticed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from tiers import need

from ripieno_daemon.cli import main
from ripieno_sim.board.orders import Orders
from ripieno_sim.stage.soak import MIXES, soak
from ripieno_sim.stage.soak.misfortunes import MISFORTUNES
from ripieno_sim.stage.soak.side_by_side import shares, soak_all

NONE_OF = ("doubled", "false_claims", "unresolved", "outside_window", "times_beyond_uncertainty", "unsafe_outputs")


def assert_holds(told: dict[str, Any], commands: int) -> None:
    assert told["broken"] == []
    assert {name: told[name] for name in NONE_OF} == dict.fromkeys(NONE_OF, 0)
    assert told["executed"] + told["not_executed"] + told["in_doubt"] == told["commands"] >= commands
    assert told["executed"] > commands // 5, "a soak in which little happens proves little"


@pytest.mark.parametrize("mix", MIXES)
def test_every_mix_holds(mix: str) -> None:
    assert_holds(soak(MIXES[mix], 11, 600), 600)


@pytest.mark.parametrize("mix", ["noise", "power", "everything"])
def test_the_firmware_holds_too(mix: str) -> None:
    need("gcc", "make", "cc")

    assert_holds(soak(MIXES[mix], 12, 1_000, "c"), 1_000)


@pytest.mark.slow
@pytest.mark.parametrize("board", ["python", "c"])
def test_everything_holds_for_longer(board: str) -> None:
    need("gcc", "make", "cc")

    assert_holds(soak(MIXES["everything"], 13, 15_000, board), 15_000)


def test_the_same_seed_gives_the_same_figures() -> None:
    first, again, other = (soak(MIXES["everything"], seed, 500) for seed in (4, 4, 5))

    assert first == again
    assert first != other


def test_every_misfortune_stands_in_a_mix() -> None:
    named = {name for mix in MIXES.values() for name in mix.misfortunes}

    assert named == set(MISFORTUNES)
    assert set(MIXES["everything"].misfortunes) == named


def test_the_command_says_the_seed_and_exits_1_where_a_promise_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    """Negative control: a board that stays on over a silent line."""
    call = ["sim", "link-soak", "--mix", "outages", "--commands", "1500", "--seed", "9", "--json", "-"]
    call += ["--board", "python"]
    good = main(call)
    capsys.readouterr()
    with mock.patch.object(Orders, "fall_safe", lambda self, cause, now_us: None):
        bad = main(call)

    printed = capsys.readouterr()
    assert (good, bad) == (0, 1)
    assert json.loads(printed.out)["unsafe_outputs"] > 0
    assert "--mix outages --seed 9" in printed.err


def test_the_mixes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "link-soak", "--mix", "list", "--json", "-"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == set(MIXES)


def test_an_unknown_mix_is_answered_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "link-soak", "--mix", "nosie"]) == 2
    assert "noise" in capsys.readouterr().err


def test_machines_share_the_commands_and_each_repeats_what_it_did_alone() -> None:
    """What stands behind a broken promise is the seed of its machine: with it the machine alone shows it again."""
    told = shares("resets", 6, 700, "python", 2)
    together = soak_all(told, lambda commands, now_us: None)

    alone = [soak(MIXES[one.mix], one.seed, one.commands) for one in told]
    assert [(one.seed == 6, one.commands) for one in told] == [(True, 350), (False, 350)]
    for name in ("commands", "executed", "not_executed", "in_doubt", "sessions", "board_resets"):
        assert together[name] == alone[0][name] + alone[1][name] > 0
    assert together["broken"] == []


def test_a_machine_for_each_25000_commands() -> None:
    assert [one.commands for one in shares("noise", 1, 100_000, "c", None)] == [25_000] * 4
    assert len({one.seed for one in shares("noise", 1, 100_000, "c", None)}) == 4
    assert [one.commands for one in shares("noise", 1, 25_000, "c", None)] == [25_000]
    assert [one.commands for one in shares("noise", 1, 25_001, "c", None)] == [12_501, 12_500]


def test_without_a_compiler_the_python_board_is_soaked_and_that_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["sim", "link-soak", "--mix", "quiet", "--commands", "50", "--json", "-"]) == 0
    printed = capsys.readouterr()
    asked = main(["sim", "link-soak", "--mix", "quiet", "--commands", "50", "--board", "c"])

    assert json.loads(printed.out)["board"] == "python"
    assert "the Python board is soaked: make is needed" in printed.err
    assert asked == 2
    assert "--board python" in capsys.readouterr().err
