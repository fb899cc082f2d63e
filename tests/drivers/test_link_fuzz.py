"""Hostile bytes neither raise nor make anything grow; the long form ran once over a million inputs."""

from __future__ import annotations

from unittest import mock

import pytest

from ripieno_drivers.link import messages

from .fuzz_link import fuzz


def test_a_second_of_hostile_bytes() -> None:
    inputs, seen = fuzz(2, 20_000)

    assert inputs == 20_000
    assert set(seen) == {"Up", "Down", "Synced", "Refused", "Answered", "Sampled", "Happened", "Stopped"}
    assert seen["Answered"] > 1_000, "the sessions lived"


@pytest.mark.slow
def test_half_a_minute_of_hostile_bytes() -> None:
    inputs, _ = fuzz(3, 10**9, seconds=30.0)

    assert inputs > 50_000


def test_a_parser_that_believes_sizes_is_caught() -> None:
    """Negative control: without the check of payload sizes the fuzz finds the crash."""
    with (
        mock.patch.object(messages, "fits", lambda type_, payload: True),
        pytest.raises(Exception, match=r"unpack|range"),
    ):
        fuzz(4, 20_000)
