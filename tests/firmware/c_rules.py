"""The rules of the Python board, asked of the C firmware: the same tests, on a bench that holds the other board."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

PYTHON_ALONE = {
    # These look into classes of the Python board; test_board.py asks the firmware the same from outside.
    "test_an_answer_that_still_waits_is_never_overwritten",
    "test_a_damaged_entry_makes_ids_without_an_answer_unknown",
    "test_numbers_wrap_and_a_round_trip_is_learnt",
    "test_the_pause_before_a_resend_doubles_up_to_200_ms",
    "test_the_window_is_eight",
}


def rules_of(*modules: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the tests of the modules that ask a board from outside."""
    return {
        name: test
        for module in modules
        for name, test in vars(module).items()
        if name.startswith("test_") and name not in PYTHON_ALONE
    }
