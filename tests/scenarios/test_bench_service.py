"""What the daemon costs while nothing happens, with a board that answers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ripieno_sim.stage.site import bench


def test_an_idle_daemon_costs_next_to_nothing(tmp_path: Path) -> None:
    """Processor time, not wall time: a busy machine does not change it much."""
    arguments = argparse.Namespace(seconds=4.0, json=str(tmp_path / "figures.json"))

    code = bench.COMMAND.run(arguments)
    figures = json.loads((tmp_path / "figures.json").read_text())

    assert (code, figures["broken"]) == (0, [])
    assert 0 < figures["idle_share_of_a_core"] <= 0.03, "a daemon that beats is not free either"
    assert 20 << 20 < figures["resident_bytes"] <= 48 << 20


def test_a_figure_above_its_limit_is_named(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """Negative control."""
    monkeypatch.setattr(bench, "MEMORY_LIMIT_BYTES", 1)
    arguments = argparse.Namespace(seconds=0.5, json=str(tmp_path / "figures.json"))

    assert bench.COMMAND.run(arguments) == 1
    assert "resident_bytes" in json.loads((tmp_path / "figures.json").read_text())["broken"][0]
