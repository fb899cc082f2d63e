"""The renderer's pictures: repeatable, continuous, measurable."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ripieno_sim.plant.picture import (
    NOMINAL_WIDTH_PX,
    OVER_ABOVE,
    SIZE_PX,
    UNDER_BELOW,
    measured_width_ratio,
    render,
    state_of,
)


def pixels(picture: bytes) -> NDArray[np.uint8]:
    decoded = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


def test_the_same_arguments_give_the_same_bytes() -> None:
    """A scenario that is replayed must meet the same pictures."""
    assert render(0.8, 41) == render(0.8, 41)
    assert render(0.8, 41) != render(0.8, 42)


def test_global_randomness_does_not_reach_a_picture() -> None:
    before = render(1.2, 7)
    np.random.seed(1)

    assert render(1.2, 7) == before


@pytest.mark.parametrize("width_ratio", [0.0, 0.5, 0.9, 1.0, 1.1, 1.8, 9.0])
def test_every_width_gives_a_colour_picture_of_the_fixed_size(width_ratio: float) -> None:
    assert pixels(render(width_ratio, 3)).shape == (SIZE_PX, SIZE_PX, 3)


def test_the_limits_themselves_are_normal() -> None:
    states = [state_of(ratio) for ratio in (UNDER_BELOW - 1e-9, UNDER_BELOW, 1.0, OVER_ABOVE, OVER_ABOVE + 1e-9)]

    assert states == ["under", "normal", "normal", "normal", "over"]


@pytest.mark.parametrize("width_ratio", [0.6, 0.75, 0.9, 1.0, 1.1, 1.3, 1.6])
def test_the_width_can_be_measured_in_every_light(width_ratio: float) -> None:
    """The scale is fixed: a threshold finds the width within 6 %, on all belts and with all pastes."""
    measured = np.array([measured_width_ratio(render(width_ratio, seed)) for seed in range(60)])

    assert np.abs(measured - width_ratio).max() < 0.06 * max(width_ratio, 1.0)
    assert abs(measured.mean() - width_ratio) < 0.03


def test_a_scene_changes_little_when_the_width_does() -> None:
    """One seed is one scene: a line that drifts shows the same bead growing, not a new picture."""
    widths = np.arange(0.5, 1.8, 0.01)
    pictures = [pixels(render(float(width), 11)).astype(float) for width in widths]
    changes = [np.abs(after - before).mean() for before, after in pairwise(pictures)]

    assert max(changes) < 4.0
    assert np.abs(pictures[-1] - pictures[0]).mean() > 5 * max(changes)


def test_starved_beads_have_necks_and_fed_beads_do_not() -> None:
    def narrowest_px(width_ratio: float, seed: int) -> int:
        grey = cv2.cvtColor(pixels(render(width_ratio, seed)), cv2.COLOR_BGR2GRAY)[30:]
        _, bright = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        return int(bright.sum(axis=1).min())

    starved = np.mean([narrowest_px(0.6, seed) for seed in range(30)])
    fed = np.mean([narrowest_px(1.0, seed) for seed in range(30)])

    assert starved < 0.7 * 0.6 * NOMINAL_WIDTH_PX
    assert fed > 0.9 * NOMINAL_WIDTH_PX


def test_what_is_no_picture_has_no_width() -> None:
    assert measured_width_ratio(b"") == 0.0
    assert measured_width_ratio(b"not a picture") == 0.0
