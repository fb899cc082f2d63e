"""The demo with real processes, a pseudo-terminal, files and a broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tiers import need

from ripieno_daemon.ledger import verify
from ripieno_sim.stage import brokers
from ripieno_sim.stage.report import broken
from ripieno_sim.stage.scene import Settings
from ripieno_sim.stage.wall import run_wall


def run(folder: Path, settings: Settings) -> dict[str, Any]:
    said: list[str] = []
    figures = run_wall(settings, folder, said.append, lambda _: None, said.append)
    assert broken(figures) == [], said
    assert verify(folder / "ledger.sqlite").is_whole
    return figures


def test_parts_are_inspected_over_a_message_level_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers.shutil, "which", lambda *_, **__: None)
    figures = run(tmp_path, Settings(parts=60))

    assert figures["broker"].startswith("message-level")
    assert figures["actuation"]["executed"] > 0


def test_parts_are_inspected_over_mosquitto(tmp_path: Path) -> None:
    need("mosquitto")
    figures = run(tmp_path, Settings(parts=40))

    assert figures["broker"].startswith("mosquitto")


def test_a_daemon_that_is_killed_doubles_and_loses_nothing(tmp_path: Path) -> None:
    figures = run(tmp_path, Settings(parts=100, seed=21, kills=3))

    assert figures["starts"] >= 3
