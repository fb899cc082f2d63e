"""Models over texts and numbers in a pipeline file: what goes together, and what differs from the seal."""

from __future__ import annotations

import hashlib
import json

import pytest
from language.bench import BUNDLE, PIPELINE_FILE, told

from ripieno.errors import ConfigError
from ripieno.language import check_pipeline
from ripieno.language.declared import declared_models
from ripieno.models import Declaration, Task
from ripieno.models.takes import TakesNumbers, TakesText

HEAD = """\
ripieno: 1
name: desk
version: 1.0.0
inputs:
  asked: {kind: frame, max_age: 1s}
models:
  intent: %s
steps:
  look: {model: intent, input: asked, deadline: 500ms, report: changes}
"""
TEXT = "{file: m.tflite, task: classify, labels: [card, cash], input: {text: ngrams}}"
NUMBERS = (
    "{file: m.tflite, task: regress, outputs: [wear, load], "
    "input: {vector: [x.mean, y.rms], scaling: {y.rms: {mean: 2, deviation: 0.5}}}}"
)


def declared(model: str) -> Declaration:
    (found,) = declared_models(BUNDLE, {PIPELINE_FILE: (HEAD % model).encode()}.__getitem__).models
    return found


def refused(model: str) -> list[str]:
    """Return what sealing says; what checking says of the model is the same, besides that the bundle is not sealed."""
    with pytest.raises(ConfigError) as caught:
        declared(model)
    sealing = [str(problem).partition("pipeline.yaml:")[2] for problem in caught.value.problems]
    store = {PIPELINE_FILE: (HEAD % model).encode(), f"{BUNDLE}/m.tflite": b"model"}

    def read(path: str) -> bytes:
        if path not in store:
            raise FileNotFoundError(2, "No such file or directory")
        return store[path]

    checking = [
        one for one in told(check_pipeline(BUNDLE, read)) if "is not sealed" not in one and "steps.look" not in one
    ]
    assert [one.partition("pipeline.yaml:")[2] for one in checking] == sealing
    return sealing


def test_a_text_and_a_vector_are_declared_as_written() -> None:
    assert declared(TEXT) == Declaration("intent", "m.tflite", ("card", "cash"), takes=TakesText())
    takes = TakesNumbers(("x.mean", "y.rms"), (0.0, 2.0), (1.0, 0.5))
    assert declared(NUMBERS) == Declaration("intent", "m.tflite", (), Task.REGRESS, takes, order=("wear", "load"))


@pytest.mark.parametrize(
    ("written", "change", "problem"),
    [
        (TEXT, ("labels: [card, cash], ", ""), "7:11: models.intent: missing key 'labels' (a list, or a text file"),
        (TEXT, ("text: ngrams", "text: ngrms"), "7:80: models.intent.input.text: should be ngrams"),
        (
            TEXT,
            ("text:", "colour: bgr, text:"),
            "7:82: models.intent.input.colour: is for pictures; this model takes a",
        ),
        (TEXT, ("ngrams", "ngrams, vector: [x]"), "input.vector: a model takes a text or a vector, not both"),
        (TEXT, ("text: ngrams", "scaling: {x: {mean: 1}}"), "input.scaling: is for the fields of a vector (vector:"),
        (TEXT, ("task: classify", "task: detect"), "input.text: task detect finds objects in a picture"),
        (TEXT, ("labels:", "outputs: [a], labels:"), "models.intent.outputs: is for tasks detect and regress"),
        (NUMBERS, ("outputs: [wear, load], ", ""), "7:11: models.intent: missing key 'outputs' (the names of its"),
        (NUMBERS, ("wear, load", "wear, wear"), "models.intent.outputs: names a value twice"),
        (NUMBERS, ("wear, load", "wear, 2nd"), "models.intent.outputs.1: should be a word of letters, digits and _"),
        (NUMBERS, ("task:", "labels: [a], task:"), "models.intent.labels: is for tasks classify and detect"),
        (NUMBERS, ("x.mean, y.rms", "y.rms, y.rms"), "input.vector: names y.rms twice"),
        (NUMBERS, ("{y.rms:", "{y.rns:"), "input.scaling.y.rns: is no field of the vector (did you mean 'y.rms'?)"),
        (NUMBERS, ("0.5", "0"), "input.scaling.y.rms.deviation: should be greater than 0"),
    ],
)
def test_keys_that_do_not_go_together_are_told_at_their_place(
    written: str, change: tuple[str, str], problem: str
) -> None:
    assert written.count(change[0]) >= 1

    problems = refused(written.replace(*change, 1))

    assert any(problem in one for one in problems), problems
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("written", "sealed", "differing"),
    [
        (TEXT, {"text": "ngrams"}, []),
        (TEXT, {"colour": "rgb", "resize": "linear", "range": [0.0, 1.0]}, ["input.text"]),
        (TEXT.replace(", input: {text: ngrams}", ""), {"text": "ngrams"}, ["input.text"]),
        (
            NUMBERS,
            {"vector": ["x.mean", "y.rms"], "scaling": {"x.mean": {"mean": 0.0, "deviation": 1.0}}},
            ["input.scaling"],
        ),
        (NUMBERS, {"vector": ["y.rms", "x.mean"]}, ["input.vector"]),
    ],
)
def test_what_differs_from_the_seal_is_told(written: str, sealed: dict[str, object], differing: list[str]) -> None:
    pipeline = (HEAD % written).encode()
    files = {"pipeline.yaml": pipeline, "m.tflite": b"model"}
    task = "regress" if "regress" in written else "classify"
    entry = {"file": "m.tflite", "task": task, "labels": [] if task == "regress" else ["card", "cash"], "input": sealed}
    manifest = {
        "format": 1,
        "files": {path: {"sha256": hashlib.sha256(one).hexdigest(), "bytes": len(one)} for path, one in files.items()},
        "models": {"intent": {**entry, **({"outputs": ["wear", "load"]} if task == "regress" else {})}},
    }
    store = {f"{BUNDLE}/{path}": one for path, one in files.items()}
    store[f"{BUNDLE}/manifest.json"] = json.dumps(manifest).encode()

    problems = check_pipeline(BUNDLE, store.__getitem__)

    of_the_model = [one.path for one in problems if one.path.startswith("models.")]
    assert [path.removeprefix("models.intent.") for path in of_the_model] == differing
