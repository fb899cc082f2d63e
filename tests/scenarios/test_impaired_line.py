"""A whole daemon in virtual time, on a line that turns slow and at a gate that sticks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ripieno_sim.line.paced import PacedLine
from ripieno_sim.plant.conveyor import GATE, Conveyor
from ripieno_sim.stage import virtual
from ripieno_sim.stage.scene import Settings, device_file
from ripieno_sim.stage.virtual import run_virtual

PARTS = 100


def run(folder: Path) -> tuple[dict[str, Any], list[str]]:
    said: list[str] = []
    folder.mkdir()
    return run_virtual(Settings(parts=PARTS, seed=5), folder, said.append), said


def test_a_line_that_takes_long_for_a_while_is_told_and_no_part_is_let_through_wrongly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """30 ms more each way, for some seconds; acts by position are made in time all the same."""
    send = PacedLine.send

    def slow(line: PacedLine, way: int, chunk: bytes, now_us: int) -> None:
        send(line, way, chunk, now_us + (30_000 if 4_000_000 < now_us < 8_000_000 else 0))

    monkeypatch.setattr(PacedLine, "send", slow)
    figures, said = run(tmp_path / "run")

    told = [line for line in said if "the line is slow" in line or "link-slow" in line]
    assert len(told) == 2 and "answers take 6" in told[0] and told[1].endswith("as it should be again")
    assert figures["undecided_passed"] == 0 and figures["actuation"]["late"] == 0
    assert figures["outcome"]["passed_good"] > PARTS / 3


def test_a_gate_that_is_acknowledged_and_sticks_is_told_with_the_first_pulse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven: list[int] = []
    output = Conveyor.output

    def sticks(plant: Conveyor, channel: int, value: int, cmd_id: int | None, t_us: int) -> None:
        if channel == GATE and value and cmd_id is not None:
            driven.append(t_us)
            if 10 <= len(driven) < 20:
                plant.oracle.executed(cmd_id)
                return
        output(plant, channel, value, cmd_id, t_us)

    def confirmed(folder: Path, settings: Settings, **more: Any) -> Path:
        path = device_file(folder, settings, **more)
        path.write_text(
            path.read_text().replace(
                "{device: conveyor, channel: 0}", "{device: conveyor, channel: 0, confirmed_by: 1}"
            )
        )
        return path

    monkeypatch.setattr(Conveyor, "output", sticks)
    monkeypatch.setattr(virtual, "device_file", confirmed)
    _, said = run(tmp_path / "run")

    told = [line for line in said if "did not rise" in line or line.endswith("gate: as it should be again")]
    assert len(told) == 2 and told[0].startswith("conveyor: gate: a pulse was acknowledged, and input 1 did not rise")


def test_without_the_switch_nobody_notices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control, and the fault as it is: the board says executed, each time."""
    monkeypatch.setattr(
        Conveyor,
        "output",
        lambda plant, channel, value, cmd_id, t_us: plant.oracle.executed(cmd_id) if cmd_id is not None else None,
    )
    figures, said = run(tmp_path / "run")

    assert figures["actuation"]["executed"] > 10 and not any("did not rise" in line for line in said)
