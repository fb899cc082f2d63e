"""`ripieno fleet demo`: a device of a fleet over real Mosquitto with TLS, as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from ripieno_sim.stage.fleet.demo_command import broken

GOOD: dict[str, Any] = {
    "results": {"lost": 0, "duplicated": 0, "strange": 0},
    "parts_unaccounted": 0,
    "opened_while_stopped": 0,
    "stopped": True,
    "replay": {"mismatches": 0},
    "ledger_is_whole": True,
    "updated": True,
    "runs": True,
    "refused": True,
    "reverted": True,
    "cancelled": True,
}


def test_releases_a_setting_and_a_stop_from_afar_cost_no_part_and_no_result() -> None:
    words = ["-m", "ripieno_daemon", "fleet", "demo", "--parts", "100", "--json", "-"]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout)

    assert figures["broken"] == []
    assert figures["updated"] and figures["refused"] and figures["reverted"] and figures["cancelled"]
    assert figures["updates"]["worse"]["why"].startswith("shift: labels have moved")
    assert figures["setting"]["rev"] == 1
    assert figures["stopped"]
    assert figures["opened_while_stopped"] == 0
    assert figures["parts_unaccounted"] == 0
    assert figures["results"]["produced"] > 80
    assert figures["results"]["counted"] == figures["results"]["produced"]
    assert figures["replay"]["decisions"] > 80, "a change of numbers on the way is replayed too"
    assert figures["replay"]["mismatches"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"results": {"lost": 1, "duplicated": 0, "strange": 0}},
        {"results": {"lost": 0, "duplicated": 1, "strange": 0}},
        {"parts_unaccounted": 1},
        {"opened_while_stopped": 1},
        {"stopped": False},
        {"replay": {"mismatches": 1}},
        {"ledger_is_whole": False},
        {"updated": False},
        {"runs": False},
        {"refused": False},
        {"reverted": False},
        {"cancelled": False},
    ],
)
def test_what_does_not_hold_is_called_broken(wrong: dict[str, Any]) -> None:
    assert broken(GOOD) == []
    assert len(broken({**GOOD, **wrong})) == 1
