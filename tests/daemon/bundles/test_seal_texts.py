"""Sealing a bundle whose models take texts and numbers: golden inputs are JSON, and stand in the manifest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from daemon.workers.texts import DESK, WEAR, desk_model, wear_model

from ripieno.errors import ModelError
from ripieno.models import Declaration, TakesNumbers, TakesText, render_manifest
from ripieno_daemon.bundles import open_bundle, seal

DECLARED = [DESK, WEAR]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    for model in ("desk", "wear"):
        (folder / "golden" / model).mkdir(parents=True)
    (folder / "desk.tflite").write_bytes(desk_model())
    (folder / "wear.tflite").write_bytes(wear_model())
    write(folder, "desk/card-1", {"text": "Has my card come?"})
    write(folder, "desk/cash-1", {"text": "cash, please"})
    write(folder, "wear/new", {"vector": [13, 60.5]})
    return folder


def write(folder: Path, name: str, content: object) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "golden" / f"{name}.json").write_text(text)


def sealed(folder: Path) -> bytes:
    seal(folder, DECLARED, name="desk", version="1.0.0")
    return (folder / "manifest.json").read_bytes()


def test_golden_texts_and_vectors_stand_in_the_manifest_with_their_answers(bundle: Path) -> None:
    written = sealed(bundle)

    opened = open_bundle(bundle)
    assert render_manifest(opened.manifest) == written == sealed(bundle)
    assert [case.label for case in opened.models["desk"].golden] == ["card", "cash"]
    (worn,) = opened.models["wear"].golden
    assert (worn.label, worn.scores) == ("", (pytest.approx(1.5, abs=0.03), pytest.approx(0.25, abs=0.03)))
    assert {len(model.fingerprint) for model in opened.manifest.models.values()} == {1}
    assert opened.models["desk"].spec.takes == TakesText()
    assert opened.models["wear"].spec.takes == WEAR.takes


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "desk/rate-2",
            {"text": "my card"},
            "rate-2.json: golden input of model desk: its name says rate, .* says card",
        ),
        ("desk/none", {"text": "!"}, "none.json: golden input of model desk: there is no word in the text"),
        ("desk/half", '{"text": "\\ud83d card"}', "half.json: golden input of model desk: the text is not UTF-8"),
        ("desk/long", {"text": "card " * 900}, "long.json: golden input of model desk: the text has 4500 characters"),
        (
            "desk/vector",
            {"vector": [1]},
            "vector.json: golden input of model desk: expected JSON with 'text' alone, got vec",
        ),
        (
            "wear/short",
            {"vector": [1]},
            r"short.json: golden input of model wear: expected .* with 2 numbers, got \[1\]",
        ),
        ("wear/nan", '{"vector": [1, NaN]}', "nan.json: golden input of model wear: temperature is nan"),
        ("wear/broken", '{"vector": [1,', "broken.json: golden input of model wear: expected JSON with 'vector' alone"),
        ("wear/deep", "[" * 100_000, "deep.json: golden input of model wear: expected JSON with 'vector' alone"),
    ],
)
def test_a_golden_input_that_is_none_is_named_and_nothing_is_written(
    bundle: Path, name: str, content: object, message: str
) -> None:
    write(bundle, name, content)

    with pytest.raises(ModelError, match=message):
        sealed(bundle)
    assert not (bundle / "manifest.json").exists()


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (Declaration("desk", "desk.tflite", ("a", "b", "c")), r"expected an input of shape \[1, height, width, 3\]"),
        (
            Declaration("desk", "desk.tflite", ("a", "b"), takes=TakesText()),
            r"expected an output of shape \[1, 2\] for 2 labels \(a, b\), got \[1, 3\]",
        ),
        (
            Declaration("desk", "desk.tflite", ("a", "b", "c"), takes=TakesNumbers(("x",), (0.0,), (1.0,))),
            r"expected an input of shape \[1, 1\] for 1 fields \(x\), got \[1, 512\]",
        ),
    ],
)
def test_a_model_that_takes_something_else_is_refused(bundle: Path, declared: Declaration, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        seal(bundle, [declared], name="desk", version="1")
