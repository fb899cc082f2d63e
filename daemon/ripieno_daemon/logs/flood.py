"""Too much of the same, and too much at all: what is not said is counted, and the count is said.

Sentences that differ in their numbers alone are the same. The first few of a minute are said, then the tenth, the
hundredth (seldom.py). Beyond MOST in a minute nothing is said but what nobody may miss.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Final

from ..seldom import is_said

FIRST: Final = 5  # of the same in a minute are said whatever comes
MOST: Final = 600  # in a minute
SHAPES: Final = 256  # are told apart; with more, the oldest counts anew
MINUTE_NS: Final = 60_000_000_000
ALWAYS: Final = frozenset({"stop", "blocked", "ready", "stopped", "problem"})  # bounded by what causes them
_NUMBER: Final = re.compile(r"[0-9a-f]*[0-9][0-9a-f]*")


class Flood:
    """Counts what is said. `held_back`: how much was not, in all."""

    def __init__(self) -> None:
        self._shapes: OrderedDict[str, tuple[int, int]] = OrderedDict()  # shape: since when, how often
        self._minute_ns, self._said = 0, 0
        self.held_back = 0

    def admits(self, event: str, text: str, now_ns: int) -> str | None:
        """Return the sentence to say, with how many like it were not said; None: it is one of too many.

        Args:
            now_ns: monotonic.
        """
        if event in ALWAYS:
            return text
        shape = event + _NUMBER.sub("#", text[:160])
        since_ns, count = self._shapes.pop(shape, (now_ns, 0))
        if now_ns - since_ns > MINUTE_NS:
            since_ns, count = now_ns, 0
        count += 1
        self._shapes[shape] = since_ns, count
        if len(self._shapes) > SHAPES:
            self._shapes.popitem(last=False)
        if count > FIRST and not is_said(count):
            self.held_back += 1
            return None
        if now_ns - self._minute_ns > MINUTE_NS:
            self._minute_ns, self._said = now_ns, 0
        self._said += 1
        if self._said > MOST:
            self.held_back += 1
            return None
        more = f" (number {count} like it within a minute)" if count > FIRST else ""
        if self._said == MOST:
            more += f" (the {MOST}th sentence of a minute: until it is over, no more but stops and problems)"
        return text + more
