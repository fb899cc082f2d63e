"""Modes by signed order: the same words, the same refusals, and never begun again after a crash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from daemon.conducting.test_by_hand import Board, line

from ripieno_daemon.conducting.conductor import Conductor
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.orders.executors import NotDone
from ripieno_daemon.orders.kinds import KINDS, Effect
from ripieno_daemon.remote.moding import moding


def ordered(folder: Path, *orders: tuple[str, Mapping[str, Any]]) -> list[str]:
    """Give orders one after another; return what came of each, and what is in force then."""

    async def work(conductor: Conductor, ledger: Ledger, board: Board) -> list[str]:
        executors, found = moding(lambda: conductor), []
        for kind, args in orders:
            assert KINDS[kind].problem(args) == ""
            try:
                result = await executors[kind](args, lambda said: None)
                found.append(result["text"])
            except NotDone as error:
                found.append(f"not done: {error}")
        assert conductor.modes is not None
        return [*found, conductor.modes.modes.how("gate"), str(len(board.fired))]

    result: list[str] = line(folder, work)
    return result


def test_every_kind_does_what_its_command_does(tmp_path: Path) -> None:
    *said, how, fired = ordered(
        tmp_path,
        ("manual", {"output": "gate", "to": "pulse", "for_s": 60, "why": "cleaning"}),
        ("auto", {"output": "gate"}),
        ("bypass", {"output": "gate", "for_s": 60}),
        ("auto", {"output": "gate"}),
        ("observe", {"pipeline": "line", "why": "trial"}),
        ("act", {}),
        ("observe", {}),
    )

    assert ["executed" in said[0], "the fleet" in said[0], "cleaning" in said[0]] == [True] * 3
    assert "safe state (divert)" in said[2]
    assert [one.startswith("not done") for one in said] == [False] * 7
    assert (how, fired) == ("observe", "1")


def test_what_is_refused_at_the_line_is_refused_from_afar(tmp_path: Path) -> None:
    *said, how, fired = ordered(
        tmp_path,
        ("manual", {"output": "gate", "to": "pulse", "for_s": 9 * 3600}),
        ("manual", {"output": "flow", "to": "300", "for_s": 60}),
        ("auto", {"output": "gate"}),
        ("observe", {"pipeline": "other"}),
    )

    assert [one.startswith("not done") for one in said] == [True] * 4
    assert (how, fired) == ("", "0")


@pytest.mark.parametrize("kind", ["observe", "act", "manual", "bypass", "auto"])
def test_they_are_actuations_and_wanted_soon(kind: str) -> None:
    assert KINDS[kind].effect is Effect.ACTUATE
    assert KINDS[kind].longest_s <= 30


def test_an_argument_that_is_no_such_thing_is_named() -> None:
    assert "for_s" in KINDS["bypass"].problem({"output": "gate"})
    assert "int" in KINDS["bypass"].problem({"output": "gate", "for_s": "60"})
