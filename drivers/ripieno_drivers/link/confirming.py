"""Does the machine do what its board says? Each pulse of an output against an input that shows its motion.

    outputs: {gate: {device: board, channel: 0, confirmed_by: 1, confirm_s: 0.3}}

A valve that sticks or a belt that has come off is acknowledged by the board like any other: it switched its pin. The
limit switch knows better. One pulse without motion is a doubt that a person should hear of at once; the next that
moves ends it. No outcome is changed: the pin did what it was told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from ripieno.contracts.driver import Point

EARLY_US: Final = 20_000
"""A switch may be seen a little before the pulse that moved it, as far as the clocks are known."""
GRACE_US: Final = 200_000
"""An edge is told so long after it was, where frames are lost and sent again."""
MOST: Final = 64


class _Acted(NamedTuple):
    output: str
    at_us: int


class Confirming:
    """The outputs of one board that have such an input. Times are host us."""

    def __init__(self, points: Iterable[Point]) -> None:
        confirmed = [one for one in points if one.kind == "pulse" and one.settings.confirmed_by is not None]
        self._inputs = {one.name: one.settings.confirmed_by for one in confirmed}
        self._within_us = {one.name: round(one.settings.confirm_s * 1e6) for one in confirmed}
        self._edges: dict[int, deque[tuple[int, bool]]] = {
            source: deque(maxlen=MOST) for source in self._inputs.values()
        }
        self._pending: deque[_Acted] = deque(maxlen=MOST)
        self.doubts: dict[str, str] = {}
        """What is doubted now, by output: a sentence."""

    def edge(self, source: int, is_rising: bool, at_us: int) -> None:
        """The board tells of an edge of an input."""
        if source in self._edges:
            self._edges[source].append((at_us, is_rising))

    def acted(self, output: str, at_us: int) -> None:
        """The board says that it has begun a pulse."""
        if output in self._inputs:
            self._pending.append(_Acted(output, at_us))

    def session_lost(self) -> None:
        """Edges may be lost: what is open now is judged by nothing."""
        self._pending.clear()
        for edges in self._edges.values():
            edges.clear()

    def look(self, now_us: int) -> list[str]:
        """Return the outputs whose doubt has come or gone."""
        changed = []
        while self._pending and now_us > self._pending[0].at_us + self._within_us[self._pending[0].output] + GRACE_US:
            acted = self._pending.popleft()
            source, within_us = self._inputs[acted.output], self._within_us[acted.output]
            was_in_doubt = acted.output in self.doubts
            if self._moved(source, acted.at_us, within_us):
                self.doubts.pop(acted.output, None)
            else:
                self.doubts[acted.output] = (
                    f"{acted.output}: a pulse was acknowledged, and input {source} did not rise within "
                    f"{within_us / 1000:.0f} ms: is it stuck?"
                )
            if was_in_doubt != (acted.output in self.doubts):
                changed.append(acted.output)
        return changed

    def _moved(self, source: int, at_us: int, within_us: int) -> bool:
        """Whether the input was high at some time of the pulse: it may have been since the one before."""
        was_high = False
        for edge_us, is_rising in self._edges[source]:
            if edge_us < at_us - EARLY_US:
                was_high = is_rising
            elif edge_us <= at_us + within_us and is_rising:
                return True
        return was_high
