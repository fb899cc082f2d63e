"""From numbers to a label or to values: scaling, levels, and what is no number."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from models.test_chain import INSTALLED
from models.tiny_dense import tiny_dense

from ripieno.contracts.runtime import Tensor
from ripieno.errors import ModelError
from ripieno.models import Declaration, TakesNumbers, Task, join
from ripieno.models.chain import Chain
from ripieno.models.manifest import Golden, Manifest, SealedFile, SealedModel, parse_manifest, render_manifest
from ripieno.models.numbers_feed import NumbersFeed
from ripieno.models.quantisation import dequantise
from ripieno.models.runtimes import choose
from ripieno.models.spec import spec_from_plain
from ripieno.values import Classification, Health, Regression, Vector

TAKES = TakesNumbers(("pressure.mean", "temperature"), (10.0, 60.0), (2.0, 0.5))
WEAR = [{0: 4}, {0: 2, 1: -2}]  # wear = p, load = p / 2 - t / 2, with p and t in deviations


def regressor(runtime: str = INSTALLED[0], kind: str = "int8") -> Chain:
    model = tiny_dense(2, WEAR, kind, softmax=False, taken=(0.05, 0), given=(0.05, 0))
    session = choose(runtime).load(model, 1)
    declared = Declaration("wear", "w.tflite", (), Task.REGRESS, TAKES, order=("wear", "load"))
    return Chain(join(declared, "ab", session.inputs, session.outputs), session, lambda: 0)


@pytest.mark.parametrize("runtime", INSTALLED)
@pytest.mark.parametrize("kind", ["int8", "uint8", "float32"])
def test_values_follow_from_numbers_in_deviations(runtime: str, kind: str) -> None:
    given_ = Vector((13.0, 60.5))  # 1.5 and 1 deviations above the mean

    answer = regressor(runtime, kind).run(given_.encoded)

    assert answer.health is Health.GOOD and isinstance(answer.result, Regression)
    assert dict(answer.result.values) == {"wear": pytest.approx(1.5, abs=0.03), "load": pytest.approx(0.25, abs=0.03)}
    assert answer.result.fields() == dict(answer.result.values)
    assert (answer.result.label, answer.result.score) == ("", 0.0)
    assert answer.picture_digest == hashlib.sha256(struct.pack("<2d", 13.0, 60.5)).hexdigest()[:32]


@pytest.mark.parametrize("runtime", INSTALLED)
def test_numbers_get_a_label_too(runtime: str) -> None:
    model = tiny_dense(2, [{0: 40}, {1: 40}], taken=(0.05, 0))
    session = choose(runtime).load(model, 1)
    declared = Declaration("which", "w.tflite", ("first", "second"), takes=TAKES)
    chain = Chain(join(declared, "ab", session.inputs, session.outputs), session, lambda: 0)

    answers = [chain.run(Vector(numbers).encoded).result for numbers in ((14.0, 60.0), (10.0, 61.0))]

    assert [answer.label for answer in answers if isinstance(answer, Classification)] == ["first", "second"]


def test_a_number_beyond_the_tensor_is_its_last_level() -> None:
    far, end = (regressor().run(Vector((number, 60.0)).encoded).result for number in (1e300, 10 + 2 * 127 * 0.05))

    assert isinstance(far, Regression) and far == end


@given(
    numbers=st.lists(st.floats(-20, 20), min_size=1, max_size=12),
    scale=st.floats(0.01, 0.5),
    zero_point=st.integers(-128, 127),
    dtype=st.sampled_from(["int8", "uint8", "float32"]),
)
def test_levels_stand_for_their_numbers_to_half_a_level(
    numbers: list[float], scale: float, zero_point: int, dtype: str
) -> None:
    count = len(numbers)
    tensor = Tensor("in", dtype, (1, count), scale, zero_point + (128 if dtype == "uint8" else 0))
    takes = TakesNumbers(tuple(f"f{at}" for at in range(count)), (1.5,) * count, (2.0,) * count)
    feed, row = NumbersFeed(takes, tensor), np.empty(tensor.shape, dtype)
    feed.take(Vector(tuple(numbers)).encoded)
    feed.fill(row)
    low, high = scale * (-128 - zero_point), scale * (127 - zero_point)
    wanted = (np.array(numbers) - 1.5) / 2

    real = dequantise(row, tensor)[0]

    if dtype == "float32":
        assert np.allclose(real, wanted, rtol=1e-6, atol=1e-6)
    else:
        assert np.abs(real - np.clip(wanted, low, high)).max() <= scale * 0.5001


@pytest.mark.parametrize(
    ("given_", "health", "why"),
    [
        (Vector((1.0,)).encoded, Health.WRONG_SIZE, "expected 2 numbers, got 1 (8 bytes)"),
        (Vector((1.0, 2.0, 3.0)).encoded, Health.WRONG_SIZE, "expected 2 numbers, got 3 (24 bytes)"),
        (b"", Health.WRONG_SIZE, "expected 2 numbers, got 0 (0 bytes)"),
        (b"0123456789", Health.WRONG_SIZE, "expected 2 numbers, got 1.25 (10 bytes)"),
        (Vector((1.0, float("nan"))).encoded, Health.NON_FINITE, "temperature is nan"),
        (Vector((float("inf"), float("nan"))).encoded, Health.NON_FINITE, "pressure.mean is inf, and 1 more"),
    ],
)
def test_what_is_no_such_vector_is_told_and_the_next_is_read(given_: bytes, health: Health, why: str) -> None:
    chain = regressor()

    answer = chain.run(given_)

    assert (answer.health, answer.result, answer.why) == (health, None, why)
    assert chain.run(Vector((10.0, 60.0)).encoded).health is Health.GOOD


def test_values_that_are_no_finite_numbers_are_no_result() -> None:
    model = tiny_dense(2, [{0: 127}], "float32", softmax=False)
    session = choose(INSTALLED[0]).load(model, 1)
    takes = replace(TAKES, deviations=(1e-300, 1.0))
    declared = Declaration("wear", "w.tflite", (), Task.REGRESS, takes, order=("wear",))
    chain = Chain(join(declared, "ab", session.inputs, session.outputs), session, lambda: 0)

    assert chain.run(Vector((11.0, 0.0)).encoded).health is Health.NON_FINITE


@pytest.mark.parametrize(
    ("taken", "given_", "message"),
    [
        (
            (1, 3),
            (1, 2),
            r"expected an input of shape \[1, 2\] for 2 fields \(pressure.mean, temperature\), got \[1, 3\]",
        ),
        ((1, 2), (1, 3), r"expected an output of shape \[1, 2\] for 2 outputs \(wear, load\), got \[1, 3\]"),
    ],
)
def test_a_file_with_another_number_of_numbers_is_refused(
    taken: tuple[int, int], given_: tuple[int, int], message: str
) -> None:
    declared = Declaration("wear", "w.tflite", (), Task.REGRESS, TAKES, order=("wear", "load"))

    with pytest.raises(ModelError, match=message):
        join(declared, "ab", [Tensor("in", "int8", taken, 0.05, 0)], [Tensor("out", "int8", given_, 0.05, 0)])


def test_what_a_model_takes_survives_being_sealed() -> None:
    spec = regressor().spec
    sealed = SealedModel("w.tflite", spec, (Golden("golden/a.json", "", (1.5, 0.25)),), {"litert": "ab"})
    manifest = Manifest("plant", "1", {"w.tflite": SealedFile("ab", 1)}, {"wear": sealed})

    assert spec_from_plain(spec.to_plain()) == spec
    assert parse_manifest(render_manifest(manifest)) == manifest
    assert b'"given": "golden/a.json"' in render_manifest(manifest)


@pytest.mark.parametrize(
    "taken",
    [
        {"vector": []},
        {"vector": ["a", "a"]},
        {"vector": ["a"], "scaling": {"b": {"mean": 1.0}}},
        {"vector": ["a"], "scaling": {"a": {"deviation": 0.0}}},
        {"vector": ["a"], "scaling": {"a": {"mean": float("nan")}}},
        {"text": "words"},
    ],
)
def test_a_description_that_is_not_whole_is_refused(taken: dict[str, object]) -> None:
    plain = {**regressor().spec.to_plain(), "input": taken}

    with pytest.raises(ModelError, match="the description of model wear is not whole"):
        spec_from_plain(plain)
