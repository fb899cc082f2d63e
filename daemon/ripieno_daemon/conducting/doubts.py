"""Models that do not answer as they should: three answers in a row that are none, and a person is told.

One picture that nobody could read is a part that is diverted; a model that gives no finite number, fails, or does not
keep up is a line that diverts everything, and looks busy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ripieno.values import Health, Inferred

IN_A_ROW: Final = 3
TELLING: Final = frozenset({Health.NON_FINITE, Health.FAILED, Health.LATE, Health.MISSING})


class Doubts:
    """By step. `alarm` takes a code (`model-HEALTH`, `model-good` when it answers again) and a sentence."""

    def __init__(self, alarm: Callable[[str, str], None]) -> None:
        self._alarm = alarm
        self._in_a_row: dict[str, int] = {}

    def look(self, step: str, inferred: Inferred) -> None:
        """Look at an answer. What is wrong with a picture says nothing of the model."""
        if inferred.health in TELLING:
            count = self._in_a_row[step] = self._in_a_row.get(step, 0) + 1
            if count == IN_A_ROW:
                why = f"{IN_A_ROW} answers in a row are {inferred.health.value}: {inferred.why}"
                self._alarm(f"model-{inferred.health.value}", f"{step}: {why}")
        elif inferred.health is Health.GOOD and self._in_a_row.pop(step, 0) >= IN_A_ROW:
            self._alarm("model-good", f"{step}: it answers again")
