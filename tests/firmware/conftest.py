"""The tier `cc`: without make and a C compiler the firmware cannot be asked."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from firmware.tools import need_tools

from ripieno_sim.firmware import CBoard
from ripieno_sim.firmware.library import library


@pytest.fixture(scope="session", autouse=True)
def firmware() -> Iterator[None]:
    """Build the shared object once; skip all of this folder, or fail it, where that is impossible.

    RIPIENO_FIRMWARE names another build of it, such as the instrumented one.
    """
    need_tools("cc", "make", "cc")
    named = os.environ.get("RIPIENO_FIRMWARE")
    with pytest.MonkeyPatch.context() as patch:
        if named:
            patch.setattr("ripieno_sim.firmware.library.built", lambda target: Path(named))
        library()
        yield


@pytest.fixture
def on_the_firmware(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the firmware into every bench and rig that the test makes."""
    monkeypatch.setattr("sim.bench.Board", CBoard)
    monkeypatch.setattr("ripieno_sim.rig.Board", CBoard)
