"""From a picture to objects with their places, on a detector whose right answer is known, and on a published one."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from models.tiny_detector import tiny_detector

from ripieno.errors import ModelError
from ripieno.models import Declaration, Resize, TakesPicture, Task, join
from ripieno.models.chain import Chain
from ripieno.models.manifest import Manifest, SealedFile, SealedModel, parse_manifest, render_manifest
from ripieno.models.runtimes import choose
from ripieno.values import Detections, Health

LABELS = ("red", "green", "blue")
RED, WHITE, BLACK = (0, 0, 255), (255, 255, 255), (0, 0, 0)


def chain_of(model: bytes, labels: tuple[str, ...] = LABELS, **declared: Any) -> Chain:
    session = choose(None).load(model, 1)
    declaration = Declaration("tiny", "tiny.tflite", labels, Task.DETECT, **declared)
    spec = join(declaration, hashlib.sha256(model).hexdigest(), session.inputs, session.outputs)
    return Chain(spec, session, itertools.count(0, 1000).__next__)


def picture(bgr: tuple[int, int, int]) -> np.ndarray:
    return np.full((20, 30, 3), bgr, np.uint8)


def found(chain: Chain, bgr: tuple[int, int, int]) -> Detections:
    answer = chain.run(cv2.imencode(".png", picture(bgr))[1].tobytes())
    assert answer.health is Health.GOOD and isinstance(answer.result, Detections)
    return answer.result


def test_what_reaches_the_threshold_is_found_with_its_box_as_left_top_right_bottom() -> None:
    result = found(chain_of(tiny_detector()), RED)

    assert [(one.label, one.score, one.box) for one in result.found] == [("red", 1.0, (0.2, 0.1, 0.6, 0.5))]
    assert result.fields() == {"label": "red", "score": 1.0, "count": 1.0}


def test_a_box_that_leaves_the_picture_ends_at_its_edge() -> None:
    result = found(chain_of(tiny_detector()), WHITE)

    assert {one.label: one.box for one in result.found}["blue"] == (0.3, 0.0, 1.0, 0.4)


def test_nothing_found_is_an_answer_and_counts_nought() -> None:
    result = found(chain_of(tiny_detector()), BLACK)

    assert result.fields() == {"label": "", "score": 0.0, "count": 0.0}


def test_a_lower_threshold_finds_more_the_best_first() -> None:
    result = found(chain_of(tiny_detector(), threshold=0.2), (80, 160, 240))

    assert [one.label for one in result.found] == ["red", "green", "blue"]
    assert sorted(result.scores, reverse=True) == list(result.scores)


def test_the_count_bounds_what_is_read() -> None:
    assert len(found(chain_of(tiny_detector(count=1)), WHITE).found) == 1


def test_outputs_in_another_order_are_read_as_declared() -> None:
    order = ("scores", "boxes", "count", "classes")

    result = found(chain_of(tiny_detector(order=order), order=order), RED)

    assert [(one.label, one.box) for one in result.found] == [("red", (0.2, 0.1, 0.6, 0.5))]


def test_outputs_in_an_undeclared_order_are_refused_with_the_mend() -> None:
    with pytest.raises(ModelError, match=r"expected boxes \[1, n, 4\].*`outputs: \[...\]` says which"):
        chain_of(tiny_detector(order=("scores", "boxes", "count", "classes")))


def test_a_class_without_a_label_is_no_result() -> None:
    answer = chain_of(tiny_detector(classes=(7, 1, 2))).run_pixels(picture(RED), lambda: True)

    assert (answer.health, answer.result) == (Health.FAILED, None)
    assert answer.why == "model tiny found class 7; its labels are 0 to 2"


def test_a_box_that_is_no_number_is_no_result() -> None:
    boxes = ((float("nan"), 0.2, 0.5, 0.6), *((0.0, 0.0, 1.0, 1.0),) * 2)

    answer = chain_of(tiny_detector(boxes=boxes)).run_pixels(picture(RED), lambda: True)

    assert (answer.health, answer.result) == (Health.NON_FINITE, None)


def test_pixels_give_what_the_encoded_picture_gives() -> None:
    chain = chain_of(tiny_detector())

    answer = chain.run_pixels(picture(RED), lambda: True)

    assert answer.result == found(chain, RED)


def test_pixels_that_were_overwritten_are_no_result() -> None:
    answer = chain_of(tiny_detector()).run_pixels(picture(RED), lambda: False)

    assert (answer.health, answer.result) == (Health.MISSING, None)


def test_the_decoding_is_sealed_and_comes_back() -> None:
    spec = chain_of(tiny_detector(), threshold=0.25).spec
    file = SealedFile(spec.digest, 1)
    manifest = Manifest("m", "1", {"tiny.tflite": file}, {"tiny": SealedModel("tiny.tflite", spec)})

    assert parse_manifest(render_manifest(manifest)).models["tiny"].spec == spec


@pytest.mark.skipif(not os.environ.get("RIPIENO_DATA"), reason="RIPIENO_DATA is not set")
def test_a_published_detector_finds_what_was_published() -> None:
    data = Path(os.environ["RIPIENO_DATA"])
    labels = tuple((data / "models/labels/coco_ssd_labelmap.txt").read_text().split("\n")[:90])
    golden = [one for one in json.loads((data / "models/golden.json").read_text())["results"] if "detections" in one]
    assert len(golden) >= 3
    chain = chain_of(
        (data / "models" / golden[0]["model"]).read_bytes(), labels, takes=TakesPicture(resize=Resize.AREA)
    )
    for entry in golden:
        answer = chain.run((data / entry["input"]).read_bytes())
        assert isinstance(answer.result, Detections)
        wanted = [(one["label"], one["score"]) for one in entry["detections"] if one["score"] > 0.6]
        close = [
            any(one.label == label and abs(one.score - score) < 0.1 for one in answer.result.found)
            for label, score in wanted
        ]
        assert wanted and all(close), (entry["input"], answer.result)
