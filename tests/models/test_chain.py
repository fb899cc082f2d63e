"""From encoded bytes to a result, on models whose right answer is known."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.tiny_model import LABELS, LOG, tiny_model

from ripieno.contracts.runtime import Tensor
from ripieno.errors import ModelError
from ripieno.models import Colour, Declaration, Resize, TakesPicture, join
from ripieno.models.chain import Chain
from ripieno.models.decoding import ResultError, decode_result
from ripieno.models.quantisation import level_table
from ripieno.models.runtimes import choose, known_names
from ripieno.models.spec import Task
from ripieno.values import Health

INSTALLED = [name for name in sorted(known_names()) if name in ("litert", "tflite")]
INSTALLED = [
    name
    for name in INSTALLED
    if __import__("ripieno.models.runtimes." + name, fromlist=["RUNTIME"]).RUNTIME.available()
]
BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}
needs_data = pytest.mark.skipif(not os.environ.get("RIPIENO_DATA"), reason="RIPIENO_DATA is not set")


@pytest.fixture(params=INSTALLED)
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def chain_of(model: bytes, runtime: str, labels: tuple[str, ...] = LABELS, **taken: object) -> Chain:
    session = choose(runtime).load(model, 1)
    takes = TakesPicture(**taken)  # type: ignore[arg-type]  # fields by name
    declaration = Declaration("tiny", "tiny.tflite", labels, takes=takes)
    spec = join(declaration, hashlib.sha256(model).hexdigest(), session.inputs, session.outputs)
    return Chain(spec, session, itertools.count(0, 1000).__next__)


def picture(bgr: tuple[int, int, int], ending: str = ".png") -> bytes:
    return cv2.imencode(ending, np.full((20, 30, 3), bgr, np.uint8))[1].tobytes()


@pytest.mark.parametrize("colour", LABELS)
@pytest.mark.parametrize("kind", ["int8", "uint8", "float32"])
def test_a_plain_picture_gets_the_label_of_its_colour(runtime: str, kind: str, colour: str) -> None:
    chain = chain_of(tiny_model(kind, zero=-128 if kind == "int8" else 0), runtime)

    answer = chain.run(picture(BGR[colour]))

    assert answer.health is Health.GOOD and answer.result is not None
    assert (answer.result.label, answer.result.score > 0.95) == (colour, True)
    assert answer.picture_digest == hashlib.sha256(picture(BGR[colour])).hexdigest()[:32]


@pytest.mark.parametrize("kind", ["int8", "uint8", "float32"])
def test_the_order_of_channels_matters(runtime: str, kind: str) -> None:
    """Negative control of the test above: the same model, declared bgr, takes red for blue."""
    chain = chain_of(tiny_model(kind, zero=-128 if kind == "int8" else 0), runtime, colour=Colour.BGR)

    answer = chain.run(picture(BGR["red"]))

    assert answer.result is not None and answer.result.label == "blue"


@pytest.mark.parametrize(
    ("scale", "zero"), [(1 / 255, -128), (2 / 255, 0), (1.0, -128), (1 / 240, -128), (1 / 230, -120)]
)
def test_levels_reach_the_tensor_by_shift_or_by_table(runtime: str, scale: float, zero: int) -> None:
    session = choose(runtime).load(tiny_model("int8", scale=scale, zero=zero), 1)
    spec = join(
        Declaration("tiny", "t", LABELS, takes=TakesPicture(pixel_range=(0.0, 1.0))),
        "",
        session.inputs,
        session.outputs,
    )
    chain = Chain(spec, session, lambda: 0)

    answer = chain.run(picture((10, 100, 250)))

    assert answer.health is Health.GOOD
    wanted = np.clip(np.rint(np.array([250, 100, 10]) / 255 / scale) + zero, -128, 127)
    assert np.abs(session.input(0)[0, 3, 3] - wanted).max() <= 1


@given(
    low=st.sampled_from([0.0, -1.0]),
    high=st.sampled_from([1.0, 255.0]),
    scale=st.floats(0.001, 2),
    zero=st.integers(-128, 127),
)
def test_a_table_holds_the_nearest_level_of_each_pixel_value(low: float, high: float, scale: float, zero: int) -> None:
    table = level_table(Tensor("t", "int8", (1, 1, 1, 3), scale, zero), (low, high)).astype(np.float64)
    real = low + np.arange(256) / 255 * (high - low)
    inside = (table > -128) & (table < 127)

    assert (np.abs(scale * (table - zero) - real)[inside] <= scale * 0.5001).all()


def test_a_grey_model_takes_a_colour_picture(runtime: str) -> None:
    chain = chain_of(tiny_model(channels=1), runtime, ("grey",), colour=Colour.GREY)

    assert chain.run(picture((1, 2, 3))).health is Health.GOOD


def test_equal_scores_are_a_result(runtime: str) -> None:
    answer = chain_of(tiny_model(), runtime).run(picture((90, 90, 90)))

    assert answer.result is not None and answer.result.label == LABELS[0] and len(set(answer.result.scores)) == 1


def test_a_score_that_is_no_finite_number_is_no_result(runtime: str) -> None:
    chain = chain_of(tiny_model("float32", last=LOG), runtime)

    assert chain.run(picture((9, 9, 9))).health is Health.GOOD
    black = chain.run(picture((0, 0, 0)))
    assert (black.health, black.result) == (Health.NON_FINITE, None)
    assert chain.run(picture((9, 9, 9))).health is Health.GOOD


@pytest.mark.parametrize("content", [b"", b"text\n", picture((1, 2, 3))[:-20], picture((1, 2, 3), ".jpg")[:-3]])
def test_a_damaged_picture_is_damaged_and_the_next_one_is_not(runtime: str, content: bytes) -> None:
    chain = chain_of(tiny_model(), runtime)

    answer = chain.run(content)

    assert (answer.health, answer.result) == (Health.DAMAGED, None) and answer.why
    assert chain.run(picture(BGR["red"])).health is Health.GOOD


@settings(deadline=None)
@given(
    flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=6),
    ending=st.sampled_from([".png", ".jpg", ".webp"]),
)
def test_no_damage_to_a_picture_raises(flips: list[tuple[int, int]], ending: str) -> None:
    damaged = bytearray(picture((3, 90, 200), ending))
    for where, mask in flips:
        damaged[where % len(damaged)] ^= mask

    answer = chain_of(tiny_model(), INSTALLED[0]).run(bytes(damaged))

    assert answer.health in (Health.GOOD, Health.DAMAGED)


def test_a_file_with_other_tensors_than_sealed_is_refused(runtime: str) -> None:
    session = choose(runtime).load(tiny_model(size=8), 1)
    spec = join(Declaration("tiny", "t", LABELS), "", session.inputs, session.outputs)

    with pytest.raises(
        ModelError, match=r"expected input int8\[1, 8, 8, 3\] as sealed, the file has int8\[1, 9, 9, 3\]"
    ):
        Chain(spec, choose(runtime).load(tiny_model(size=9), 1), lambda: 0)


@needs_data
def test_published_models_give_their_published_labels(runtime: str) -> None:
    data = Path(os.environ["RIPIENO_DATA"])
    golden = json.loads((data / "models/golden.json").read_text())["results"]
    checked = 0
    for entry in golden:
        if (
            "mobilenet_v" not in entry["model"]
            or not entry.get("preprocess", "").endswith("uint8 as is")
            or "top3" not in entry
        ):
            continue
        content = (data / "models" / entry["model"]).read_bytes()
        session = choose(runtime).load(content, 1)
        labels = tuple(map(str, range(session.outputs[0].shape[1])))
        chain = chain_of(content, runtime, labels, resize=Resize.AREA)
        answer = chain.run((data / entry["input"]).read_bytes())
        assert answer.result is not None
        best = entry["top3"][0]  # compared by score, because two labels may tie
        assert abs(answer.result.scores[best["index"]] - best["score"]) < 0.1, entry
        assert answer.result.score - answer.result.scores[best["index"]] < 0.05, entry
        checked += 1
    assert checked >= 5


def test_a_model_that_gives_nought_for_every_label_has_said_nothing() -> None:
    """Of equal scores the first label would win: a dead accelerator would find every part normal."""
    spec, session = SimpleNamespace(name="dead", task=Task.CLASSIFY, labels=("a", "b")), np.zeros((1, 2), np.float32)

    with pytest.raises(ResultError, match="model dead gave 0 for every label"):
        decode_result(spec, [session])  # type: ignore[arg-type]
