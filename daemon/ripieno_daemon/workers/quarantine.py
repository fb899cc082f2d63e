"""Which models are out of use because they keep killing their worker, and how long to wait before the next worker.

No clock here: times come in.
"""

from __future__ import annotations

from collections import deque
from typing import Final

DEATHS: Final = 3
WITHIN_S: Final = 60.0
RETRY_S: Final = (0.0, 0.1, 0.5, 2.0, 5.0)  # the first at once: most deaths are single


class Quarantine:
    """Deaths by model. A model with DEATHS deaths within WITHIN_S is out until released."""

    def __init__(self) -> None:
        self._deaths: dict[str, deque[float]] = {}
        self._out: dict[str, str] = {}

    def died(self, model: str, now_s: float, why: str) -> bool:
        """Count a death; True when this one puts the model out."""
        deaths = self._deaths.setdefault(model, deque(maxlen=DEATHS))
        deaths.append(now_s)
        if model in self._out or len(deaths) < DEATHS or now_s - deaths[0] > WITHIN_S:
            return False
        self.put_out(model, f"it killed its worker {DEATHS} times within {WITHIN_S:g} s, the last time: {why}")
        return True

    def put_out(self, model: str, why: str) -> None:
        """Take a model out of use."""
        self._out[model] = f"model {model} is out of use until a reload: {why}"

    def why_out(self, model: str) -> str | None:
        """Return why a model is out of use, None while it is in use."""
        return self._out.get(model)

    def release(self, model: str) -> None:
        """Take a model back into use with a clean record."""
        self._out.pop(model, None)
        self._deaths.pop(model, None)


class Ladder:
    """How long to wait before the next attempt; back to the first rung once a worker has held."""

    def __init__(self) -> None:
        self._failures = 0

    def next_wait_s(self, held_s: float) -> float:
        """Return the seconds to wait after a worker that lived `held_s`."""
        self._failures = 1 if held_s > WITHIN_S else self._failures + 1
        return RETRY_S[min(self._failures, len(RETRY_S)) - 1]
