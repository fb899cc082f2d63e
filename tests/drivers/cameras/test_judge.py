"""What is wrong with a picture, as far as the picture tells."""

from __future__ import annotations

import numpy as np
import pytest

from ripieno.values import Health
from ripieno_drivers.cameras.capture.judge import DOUBTFUL, Judge, Judgement, Limits

from .videos import bar, plain

MS = 1_000_000


def looks(judge: Judge, pictures: list[np.ndarray]) -> list[Judgement]:
    return [judge.look(picture, index * 100 * MS) for index, picture in enumerate(pictures)]


def test_an_ordinary_picture_is_good_and_new() -> None:
    found = looks(Judge(Limits()), [bar(number) for number in range(5)])

    assert {(one.health, one.still_ns) for one in found} == {(Health.GOOD, 0)}


@pytest.mark.parametrize(
    ("level", "health", "why"),
    [
        (5, Health.DARK, "100 % of the picture is darker than level 20"),
        (255, Health.OVER_EXPOSED, "100 % of the picture is at level 250 or above"),
    ],
)
def test_dark_and_over_exposed_pictures_are_bad_from_the_third_in_a_row(level: int, health: Health, why: str) -> None:
    found = looks(Judge(Limits()), [plain(level)] * (DOUBTFUL + 1))

    assert [one.health for one in found] == [Health.GOOD] * (DOUBTFUL - 1) + [health] * 2
    assert found[-1].why == why


def test_one_dark_picture_among_good_ones_is_no_fault() -> None:
    found = looks(Judge(Limits()), [bar(1), plain(0), bar(2), plain(0), plain(0), bar(3)])

    assert {one.health for one in found} == {Health.GOOD}


def test_a_dark_scene_with_a_lit_part_in_it_is_not_dark() -> None:
    scene = plain(3)
    scene[20:40, 30:50] = 200

    assert looks(Judge(Limits()), [scene] * 5)[-1].health is Health.GOOD


def test_limits_of_nought_and_256_judge_no_light() -> None:
    judge = Judge(Limits(dark=0, bright=256))

    assert {one.health for one in looks(judge, [plain(0)] * 5 + [plain(255)] * 5)} == {Health.GOOD}


def test_a_picture_of_another_size_is_bad_at_once_with_both_sizes() -> None:
    found = Judge(Limits(width_px=96, height_px=64)).look(bar(1, size=(64, 48)), 0)

    assert (found.health, found.why) == (
        Health.WRONG_SIZE,
        "the picture has 64 x 48 pixels, 96 x 64 were expected",
    )


def test_the_same_picture_tells_since_when_and_one_pixel_makes_it_new() -> None:
    other = bar(1)
    other[1, 1] = 7  # off the grid that is compared first

    found = looks(Judge(Limits()), [bar(1), bar(1), bar(1), other])

    assert [one.still_ns // MS for one in found] == [0, 100, 200, 0]
    assert {one.health for one in found} == {Health.GOOD}


def test_where_no_belt_tells_a_time_makes_the_same_picture_a_fault() -> None:
    found = looks(Judge(Limits(frozen_ns=200 * MS)), [bar(1)] * 3 + [bar(2)])

    assert [one.health for one in found] == [Health.GOOD, Health.GOOD, Health.FROZEN, Health.GOOD]
    assert found[2].why == "the same picture has been coming for 0.2 s"
