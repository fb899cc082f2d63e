"""The board's clock as the host follows it: by the best exchanges, at its crystal's rate, with a true uncertainty."""

from __future__ import annotations

import random
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno_drivers.link import drift
from ripieno_drivers.link.boardclock import BoardClock


class Crystal:
    """A board's clock, `ppm` fast, and a line whose two ways take what they like."""

    def __init__(self, ppm: float, draw: random.Random, usual_us: int = 2_000, jitter_us: int = 400) -> None:
        self.ppm, self._draw, self._usual_us, self._jitter_us = ppm, draw, usual_us, jitter_us

    def at(self, host_us: float) -> int:
        return round(77_000_000 + host_us * (1 + self.ppm * 1e-6))

    def exchange(self, clock: BoardClock, sent_us: int) -> None:
        there, back = (self._usual_us + round(self._draw.expovariate(1 / self._jitter_us)) for _ in range(2))
        clock.exchanged(sent_us, sent_us + there + back, self.at(sent_us + there) & 0xFFFFFFFF)

    def follow(self, clock: BoardClock, seconds: float) -> int:
        """A session from host time 0 on: a burst, then a PING each 100 ms; return the time at its end."""
        clock.begin(self.at(0), 0)
        for number in range(16):
            self.exchange(clock, number * 6_000)
        end_us = int(seconds * 1e6)
        for sent_us in range(200_000, end_us, 100_000):
            self.exchange(clock, sent_us)
        return end_us


def test_the_offset_is_that_of_the_smallest_round_trip_of_the_last_16() -> None:
    clock = BoardClock()
    clock.begin(0, 0)
    clock.exchanged(1000, 3000, 102_000)  # 2 ms; board is 100 ms ahead
    clock.exchanged(10_000, 30_000, 129_000)  # 20 ms, one-sided
    assert (clock.to_board_us(0), clock.uncertainty_us) == (100_000, 1007)  # 28 ms of two unknown crystals: 7 us
    for index in range(16):
        sent = 100_000 * (index + 1)
        clock.exchanged(sent, sent + 4000, sent + 102_010)
    assert clock.to_board_us(0) == 100_010
    assert clock.uncertainty_us is not None
    assert 2000 <= clock.uncertainty_us <= 2001


@given(
    ppm=st.floats(-200, 200),
    seed=st.integers(0, 2**32),
    seconds=st.floats(0.1, 40),
    ahead_s=st.floats(-2, 60),
    usual_us=st.integers(50, 5_000),
    jitter_us=st.integers(1, 20_000),
)
def test_the_boards_time_is_within_what_is_said_of_it(
    ppm: float, seed: int, seconds: float, ahead_s: float, usual_us: int, jitter_us: int
) -> None:
    crystal, clock = Crystal(ppm, random.Random(seed), usual_us, jitter_us), BoardClock()
    now_us = crystal.follow(clock, seconds)
    asked_us = now_us + int(ahead_s * 1e6)
    uncertain_us = clock.uncertainty_at(asked_us)

    assert uncertain_us is not None
    assert abs(clock.to_board_us(asked_us) - crystal.at(asked_us)) <= uncertain_us + 3


def test_without_the_crystals_error_too_much_would_be_promised() -> None:
    """Negative control of the property above."""
    with mock.patch.object(drift, "UNKNOWN", 0.0):
        clock = BoardClock()
        clock.drift.error = 0.0
        crystal = Crystal(150.0, random.Random(3))
        asked_us = crystal.follow(clock, 3.0) + 60_000_000
        uncertain_us = clock.uncertainty_at(asked_us)

    assert uncertain_us is not None
    assert abs(clock.to_board_us(asked_us) - crystal.at(asked_us)) > uncertain_us + 3


@pytest.mark.parametrize("ppm", [-180.0, 0.0, 95.0])
def test_a_rate_is_learnt_in_seconds_and_makes_the_far_future_certain(ppm: float) -> None:
    crystal, clock = Crystal(ppm, random.Random(5)), BoardClock()
    crystal.follow(clock, 2.0)
    early_us = clock.uncertainty_at(62_000_000)
    crystal, clock = Crystal(ppm, random.Random(5)), BoardClock()
    now_us = crystal.follow(clock, 30.0)
    late_us = clock.uncertainty_at(now_us + 60_000_000)

    assert early_us is not None
    assert early_us > 15_000  # two unknown crystals over a minute
    assert late_us is not None
    assert late_us < 5_000
    assert clock.drift.rate == pytest.approx(ppm * 1e-6, abs=clock.drift.error)
    assert abs(clock.to_board_us(now_us + 60_000_000) - crystal.at(now_us + 60_000_000)) < 1_000


def test_a_reset_keeps_the_crystals_rate_and_another_board_does_not() -> None:
    crystal, clock = Crystal(120.0, random.Random(7)), BoardClock()
    now_us = crystal.follow(clock, 20.0)
    learnt = clock.drift.rate

    clock.begin(500, now_us, same_board=True)
    assert clock.drift.rate == learnt
    assert clock.uncertainty_at(now_us) is None
    clock.begin(500, now_us)
    assert (clock.drift.rate, clock.drift.error) == (0.0, drift.UNKNOWN)


def test_a_past_instant_comes_back_at_the_crystals_rate() -> None:
    crystal, clock = Crystal(-150.0, random.Random(9), jitter_us=1), BoardClock()
    now_us = crystal.follow(clock, 30.0)
    happened_us = now_us - 20_000_000

    assert clock.host_us_of(crystal.at(happened_us) & 0xFFFFFFFF, now_us) == pytest.approx(happened_us, abs=100)
