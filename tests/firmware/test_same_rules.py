"""Every rule that the Python board obeys, the firmware obeys."""

import pytest
from firmware.c_rules import PYTHON_ALONE, rules_of
from sim.board import test_exactly_once, test_falling_safe, test_sessions_and_order, test_triggers_and_bounds

pytestmark = pytest.mark.usefixtures("on_the_firmware")

MODULES = (test_exactly_once, test_falling_safe, test_sessions_and_order, test_triggers_and_bounds)
globals().update(rules_of(*MODULES))


def test_the_list_of_exceptions_is_up_to_date() -> None:
    assert all(any(hasattr(module, name) for module in MODULES) for name in PYTHON_ALONE)
