"""The tier `cc`: without make and a C compiler the firmware cannot be asked."""

import pytest
from tiers import need

from ripieno_sim.firmware import CBoard
from ripieno_sim.firmware.library import library


@pytest.fixture(scope="session", autouse=True)
def firmware() -> None:
    """Build the shared object once; skip all of this folder, or fail it, where that is impossible."""
    need("cc", "make", "cc")
    library()


@pytest.fixture
def on_the_firmware(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the firmware into every bench and rig that the test makes."""
    monkeypatch.setattr("sim.bench.Board", CBoard)
    monkeypatch.setattr("ripieno_sim.rig.Board", CBoard)
