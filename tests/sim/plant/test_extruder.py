"""The extruder drifts as it is told to, and control can follow it."""

import statistics

import pytest

from ripieno_sim.plant import Extruder, drift, run_without_control, uncorrected_error


def test_the_drift_is_a_ramp_and_then_a_slow_sine() -> None:
    assert drift(0) == pytest.approx(0.80)
    assert drift(150) == pytest.approx(1.125)
    assert drift(300) == pytest.approx(1.45)
    later = [drift(n) for n in range(300, 1_100)]
    assert min(later) == pytest.approx(1.40, abs=1e-3)
    assert max(later) == pytest.approx(1.50, abs=1e-3)


def test_noise_belongs_to_the_part_and_the_seed_alone() -> None:
    forwards, backwards = Extruder(4), Extruder(4)

    assert [forwards.width(n, 1.0) for n in range(50)] == [backwards.width(n, 1.0) for n in reversed(range(50))][::-1]
    assert run_without_control(4, 50) != run_without_control(5, 50)


def test_noise_has_the_stated_spread() -> None:
    noise = [width / drift(n) - 1 for n, width in enumerate(run_without_control(1, 3_000))]

    assert statistics.stdev(noise) == pytest.approx(0.015, rel=0.1)
    assert statistics.mean(noise) == pytest.approx(0, abs=0.001)


def test_without_control_the_error_grows_far_beyond_the_limits() -> None:
    errors = uncorrected_error(1, 300)

    assert statistics.mean(errors) == pytest.approx(0.19, abs=0.02)
    assert sum(error > 0.10 for error in errors) > 180


def test_the_flow_follows_its_setpoint_after_a_dead_time_through_a_lag() -> None:
    extruder = Extruder(1)
    extruder.set_flow(0.8, 1_000_000)
    dead_us, lag_us = extruder.dead_time_us, extruder.lag_us

    assert extruder.flow_at(1_000_000 + dead_us) == 1.0
    assert extruder.flow_at(1_000_000 + dead_us + lag_us) == pytest.approx(1 - 0.2 * 0.632, abs=1e-3)
    assert extruder.flow_at(1_000_000 + dead_us + 20 * lag_us) == pytest.approx(0.8)
