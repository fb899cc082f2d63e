"""Lamps and horns: levels of devices that the line uses, on or off by what is on the list.

A lamp is no hazard: it is not held with the outputs, and no person arms it. It goes dark with its board, and where
nothing runs; one that `shows: well` says so by going dark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from ripieno.plan.tree import ChannelPlan
from ripieno.values.severities import rank

from .alarms import ACKNOWLEDGED, UNACKNOWLEDGED, Alarm

TEST_S: Final = 3.0


class Line(Protocol):
    """What runs now, as far as alarms need it."""

    def indicate(self, point: str, on: bool) -> bool:
        """Switch a lamp; return whether there is a device to do it."""

    def note(self, body: dict[str, object]) -> bool:
        """Record a notice for the fleet; return whether there is a record to take it."""


class Lamps:
    """The lamps among the channels. `line` gives what runs now, None where nothing does."""

    def __init__(self, channels: Sequence[ChannelPlan], line: Callable[[], Line | None]) -> None:
        self._channels = [one for one in channels if one.kind == "indicator"]
        self._line = line
        self._test_until_ns = 0
        self.lit: dict[str, bool] = {}

    def show(self, listed: Sequence[Alarm], now_ns: int, only_changed: bool) -> None:
        """Switch each as the list says; `only_changed`: those alone that are to change."""
        line = self._line()
        if line is None or now_ns < self._test_until_ns:
            return
        for one in self._channels:
            on = is_lit(one, listed)
            if not only_changed or self.lit.get(one.name) != on:
                line.indicate(one.point, on)
            self.lit[one.name] = on

    def test(self, now_ns: int) -> dict[str, str]:
        """Switch each to what an alarm would make of it, for 3 s; return what was done."""
        line = self._line()
        self._test_until_ns = now_ns + round(TEST_S * 1e9)
        done = {one.name: line is not None and line.indicate(one.point, one.shows != "well") for one in self._channels}
        told = f"switched for {TEST_S:g} s: look at it"
        return {name: told if ok else "not switched: its device is not open" for name, ok in done.items()}


def is_lit(channel: ChannelPlan, listed: Sequence[Alarm]) -> bool:
    """Whether a lamp or horn is on while these alarms are on the list."""
    states = [one.state for one in listed if rank(one.severity) >= rank(channel.severity)]
    if channel.shows == "unacknowledged":
        return UNACKNOWLEDGED in states
    stands = UNACKNOWLEDGED in states or ACKNOWLEDGED in states
    return stands if channel.shows == "active" else not stands
