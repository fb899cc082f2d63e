"""The soak of the link, in short: every mix holds its promises on both boards, and a broken part is noticed."""

from __future__ import annotations

import json
from typing import Any
from unittest import mock

import pytest
from tiers import need

from ripieno_daemon.cli import main
from ripieno_sim.board.orders import Orders
from ripieno_sim.stage.soak import MIXES, soak
from ripieno_sim.stage.soak.misfortunes import MISFORTUNES

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
