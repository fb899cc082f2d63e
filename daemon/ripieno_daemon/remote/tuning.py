"""The settings of a running plan, as they may be set from afar (plan/settings.py says what those are)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ripieno.plan import Plan
from ripieno.plan.settings import problems, settings_of, tuned

__all__ = ["Tuning", "problems", "settings_of", "tuned"]


class Tuning:
    """The settings of a running plan, as the twin wants them (twin.Settings).

    Args:
        plan: of the files.
        put: has another plan decide from the next event on; returns when that is durable. Raises RipienoError.
    """

    def __init__(self, plan: Plan, put: Callable[[Plan], Awaitable[None]]) -> None:
        self._plan, self._put = plan, put
        self._now = plan

    def begin_with(self, values: Mapping[str, Any]) -> tuple[Plan, dict[str, str]]:
        """Return the plan to start with, and why some of the kept values are not in it: the files have changed since.

        Where one key does not fit, the others still do.
        """
        wrong = {key: why for key, why in problems(self._plan, values).items() if key in values}
        self._now = tuned(self._plan, {key: value for key, value in values.items() if key not in wrong})
        return self._now, wrong

    def problems(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """See twin.Settings."""
        return problems(self._plan, values)

    async def apply(self, values: Mapping[str, Any]) -> None:
        """See twin.Settings: an event is decided by the old numbers or by the new ones, never by some of each."""
        following = tuned(self._plan, values)
        if following != self._now:
            await self._put(following)
            self._now = following

    def effective(self) -> Mapping[str, Any]:
        """See twin.Settings."""
        return {key: setting.value for key, setting in settings_of(self._now).items()}
