"""Parts of a picture: a closer look at what was found, and tiles whose answers make one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.test_detections import RED, WHITE, chain_of
from models.tiny_detector import tiny_detector

from ripieno.errors import ModelError
from ripieno.models.parts import Box, merged, parts_of
from ripieno.values import Classification, Detection, Detections, Health, Regression

LEFT_RED = np.full((20, 40, 3), (0, 0, 0), np.uint8)
LEFT_RED[:, :20] = RED


def encoded(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


@pytest.mark.parametrize(
    ("box", "score"), [((0.0, 0.0, 0.5, 1.0), 1.0), ((0.5, 0.0, 1.0, 1.0), 0.0), ((0.25, 0.0, 0.75, 1.0), 0.5)]
)
def test_a_model_is_shown_the_part_and_nothing_else(box: Box, score: float) -> None:
    chain = chain_of(tiny_detector(count=1), threshold=0.0)
    answer = chain.run_parts(encoded(LEFT_RED), [box])

    assert answer.health is Health.GOOD and answer.result is not None
    assert answer.result.score == pytest.approx(score, abs=0.01)
    assert answer.picture_digest == chain.run(encoded(LEFT_RED)).picture_digest, "the record names the whole picture"


def test_boxes_found_in_a_part_are_parts_of_the_whole_picture() -> None:
    answer = chain_of(tiny_detector()).run_parts(encoded(np.full((20, 40, 3), RED, np.uint8)), [(0.5, 0.0, 1.0, 0.5)])

    assert isinstance(answer.result, Detections)
    assert answer.result.found[0].box == pytest.approx((0.6, 0.05, 0.8, 0.25))


def test_tiles_find_what_each_of_them_shows_and_count_one_object_once() -> None:
    tiles = parts_of(None, (2, 1))
    answer = chain_of(tiny_detector()).run_parts(encoded(np.full((20, 40, 3), WHITE, np.uint8)), tiles)

    assert isinstance(answer.result, Detections)
    assert sorted(one.label for one in answer.result.found) == ["blue", "blue", "green", "green", "red", "red"]


def test_pixels_of_a_slot_are_cut_alike_and_gone_where_they_were_overwritten() -> None:
    chain = chain_of(tiny_detector(count=1), threshold=0.0)
    boxes = [(0.0, 0.0, 0.5, 1.0)]
    there = chain.run_pixel_parts(LEFT_RED, boxes, lambda: True)
    gone = chain.run_pixel_parts(LEFT_RED, boxes, lambda: False)

    assert there.result == chain.run_parts(encoded(LEFT_RED), boxes).result
    assert (gone.health, gone.result) == (Health.MISSING, None)


def test_a_bad_picture_is_damaged_whatever_part_is_wanted() -> None:
    answer = chain_of(tiny_detector()).run_parts(b"no picture", parts_of(None, (2, 2)))

    assert answer.health is Health.DAMAGED


def test_of_tiles_that_are_classified_the_one_least_like_the_first_label_speaks() -> None:
    good, bad = Classification("good", 0.9, (0.9, 0.1)), Classification("crack", 0.7, (0.3, 0.7))

    assert merged([((0.0, 0.0, 0.5, 1.0), good), ((0.5, 0.0, 1.0, 1.0), bad)]) == bad


def test_two_boxes_of_one_label_that_lie_on_each_other_are_one() -> None:
    one, other = Detection("hole", 0.9, (0.8, 0.4, 1.0, 0.6)), Detection("hole", 0.8, (0.0, 0.4, 0.2, 0.6))
    found = merged([((0.0, 0.0, 0.55, 1.0), Detections((one,))), ((0.45, 0.0, 1.0, 1.0), Detections((other,)))])

    assert isinstance(found, Detections) and [each.score for each in found.found] == [0.9]


def test_values_cannot_be_merged() -> None:
    value = Regression((("wear", 0.1),))

    with pytest.raises(ModelError, match="no common meaning"):
        merged([((0.0, 0.0, 0.5, 1.0), value), ((0.5, 0.0, 1.0, 1.0), value)])


@given(columns=st.integers(1, 16), rows=st.integers(1, 16), x=st.floats(0, 1), y=st.floats(0, 1))
def test_every_point_lies_in_a_tile_and_no_tile_leaves_the_picture(columns: int, rows: int, x: float, y: float) -> None:
    tiles = parts_of(None, (columns, rows))

    assert len(tiles) == columns * rows
    assert any(left <= x <= right and top <= y <= bottom for left, top, right, bottom in tiles)
    assert all(0 <= left < right <= 1 and 0 <= top < bottom <= 1 for left, top, right, bottom in tiles)
