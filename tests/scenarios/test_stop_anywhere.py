"""A stop at any instant leaves outputs safe and ends in order (P10); stop_anywhere.py does it a hundred times."""

from __future__ import annotations

import asyncio
from pathlib import Path

from scenarios.stop_anywhere import Stops, run


def test_a_stop_at_any_instant_is_in_order(tmp_path: Path) -> None:
    stops = asyncio.run(run(tmp_path, count=6, seed=20))

    assert stops.broken() == []
    assert stops.not_begun < 3, "most of them lie within a life"


def test_what_is_not_in_order_is_told() -> None:
    """Negative control."""
    stops = Stops([(0.1, 0, 0.2, True), (0.2, -9, 0.2, True), (0.3, 0, 6.0, True), (0.4, 0, 0.2, False)])

    assert len(stops.broken()) == 3
