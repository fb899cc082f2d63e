"""Which of many like events are said: the first, the tenth, the hundredth. A flood from outside fills no log."""

from __future__ import annotations


def is_said(count: int) -> bool:
    """Whether the `count`-th one (from 1) is."""
    return str(count).rstrip("0") == "1"
