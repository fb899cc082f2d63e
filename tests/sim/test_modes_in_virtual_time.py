"""Modes while the daemon dies at commits, frames, bytes and intents: what a person was told holds, whatever dies.

The last tests take the protections out, one after another: what the first ones look for is found then.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import msgpack
import pytest
from sim.moded import Lived, live

from ripieno.engine.hands import Hands
from ripieno_daemon.conducting.mode_file import ModeFile
from ripieno_daemon.conducting.outputs import Outputs
from ripieno_daemon.inquiry import opened, replay

SEEDS = range(1, 9)
KILLS = 3


def records(state: Path, kind: str) -> list[dict[str, Any]]:
    with opened(state) as past:
        return [msgpack.unpackb(row.payload or b"") for row in past.rows() if row.kind == kind]


def looked_at(tmp_path: Path, seed: int, **given: Any) -> Lived:
    return live(tmp_path / str(seed), seed, kills=KILLS, **given)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_output_that_is_taken_moves_for_nobody_else_whatever_dies(tmp_path: Path, seed: int) -> None:
    lived = looked_at(tmp_path, seed)
    state = tmp_path / str(seed)

    assert lived.spans, "nobody took the gate: another seed is wanted"
    assert not lived.moved(), lived.done
    assert not lived.forgotten, lived.done
    assert max(Counter(one.cmd_id for one in lived.openings).values(), default=1) == 1
    with opened(state) as past:
        result = replay(past)
    assert result["mismatches"] == 0, result["differences"][:2]
    withheld = {one["id"] for one in records(state, "outcome")}
    with closing(sqlite3.connect(next(state.rglob("*stock*.sqlite")))) as rows:
        booked = {act for (act,) in rows.execute("SELECT act FROM bookings")}
    assert withheld and not withheld & booked


def test_a_device_file_that_says_observe_moves_nothing_from_the_first_part_on(tmp_path: Path) -> None:
    lived = live(tmp_path / "o", 5, kills=2, mode="mode: observe\n", people=False)

    assert lived.openings == []
    assert lived.figures["control"]["corrections"] == 0, "no setpoint is touched"
    assert len([one for one in records(tmp_path / "o", "outcome") if "/gate/" in one["id"]]) > 20
    (command,) = [one for one in records(tmp_path / "o", "command") if one["kind"] == "observe"]
    assert command["by"] == "the device file"


def is_violated(tmp_path: Path) -> bool:
    return any(looked_at(tmp_path, seed).moved() for seed in SEEDS)


def test_the_outputs_keep_the_promise_even_where_the_engine_forgets(tmp_path: Path) -> None:
    with mock.patch.object(Hands, "taken", lambda self, event: None):
        assert not is_violated(tmp_path)


def test_negative_control_without_both_protections_taken_outputs_move(tmp_path: Path) -> None:
    with (
        mock.patch.object(Hands, "taken", lambda self, event: None),
        mock.patch.object(Outputs, "take", lambda self, output, how: None),
        mock.patch.object(Outputs, "_may", lambda self, act: True),
    ):
        assert is_violated(tmp_path)


def test_negative_control_without_the_file_a_killed_daemon_forgets_its_modes(tmp_path: Path) -> None:
    async def kept(self: ModeFile, now: object) -> None:
        return None

    with mock.patch.object(ModeFile, "write", kept):
        assert any(looked_at(tmp_path, seed).forgotten for seed in SEEDS)
