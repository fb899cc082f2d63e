"""The firmware on a line, in a plant: what the Python board does there, it does; 2,000 commands on a bad line too."""

import pytest
from firmware.c_rules import rules_of
from sim import test_rig, test_soak

from ripieno_sim import conveyor_rig
from ripieno_sim.firmware import CBoard

pytestmark = pytest.mark.usefixtures("on_the_firmware")
LOOKS_INTO_PYTHON = {"test_the_same_seed_gives_the_same_run"}
globals().update({name: test for name, test in rules_of(test_rig, test_soak).items() if name not in LOOKS_INTO_PYTHON})


def test_the_rig_holds_the_firmware() -> None:
    assert type(conveyor_rig(1, 10).board) is CBoard
