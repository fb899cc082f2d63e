"""A few hostile inputs for every reader on each run; fuzzing.py gives each 100,000 and more."""

from __future__ import annotations

import pytest
from drivers.site.fuzzing import TARGETS, fuzz


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_inputs_are_taken_or_refused_and_never_raise(name: str) -> None:
    ends = fuzz(name, seed=7, inputs=3_000)

    assert len(ends) >= 2, "negative control: some are taken, and some are not"
    assert min(ends.values()) >= 10
