"""`task: detect` in a pipeline file: labels from a file, its fields in rules, and pipelines that only report."""

from __future__ import annotations

from language.bench import BUNDLE, PIPELINE_FILE, check, shipped, told

from ripieno.language.declared import declared_models

HEAD = """\
ripieno: 1
name: count
version: 1.0.0
inputs:
  hall: {kind: frame, max_age: 1s}
models:
  ssd: {file: models/ssd.tflite, task: detect, labels: labels.txt, threshold: 0.4}
steps:
  look: {model: ssd, input: hall, deadline: 500ms, report: changes}
"""
LABELS = b"bottle\r\nperson\n???\n"


def problems(pipeline: str, labels: bytes | None = LABELS) -> list[str]:
    """Return what is said of this pipeline besides that it is not sealed."""
    from ripieno.language import check_pipeline

    store = {f"{BUNDLE}/models/ssd.tflite": b"model", PIPELINE_FILE: pipeline.encode()}
    if labels is not None:
        store[f"{BUNDLE}/labels.txt"] = labels

    def read(path: str) -> bytes:
        if path not in store:
            raise FileNotFoundError(2, "No such file or directory")
        return store[path]

    return [one for one in told(check_pipeline(BUNDLE, read)) if "is not sealed" not in one]


def test_a_pipeline_that_only_reports_needs_no_rule() -> None:
    assert problems(HEAD) == []


def test_a_pipeline_of_which_nothing_comes_is_told_so() -> None:
    assert problems(HEAD.replace(", report: changes", "")) == [
        "pipeline.yaml:1:1: missing key 'rules' (what is to be done; or a step with report: changes)"
    ]


def test_labels_are_read_from_a_file_of_the_bundle() -> None:
    read = {PIPELINE_FILE: HEAD.encode(), f"{BUNDLE}/labels.txt": LABELS}.__getitem__

    (model,) = declared_models(BUNDLE, read).models

    assert (model.labels, model.threshold) == (("bottle", "person", "???"), 0.4)


def test_a_label_file_that_cannot_be_used_is_told() -> None:
    place = "pipeline.yaml:7:56: models.ssd.labels: "

    assert problems(HEAD, None) == [f"{place}cannot read labels.txt: No such file or directory (a path in the bundle)"]
    assert problems(HEAD, b"\xff\xfe") == [f"{place}labels.txt is not UTF-8 text"]
    assert problems(HEAD, b"\n") == [f"{place}labels.txt has no label in it"]
    assert problems(HEAD, b"background\n" + b"x" * 121 + b"\n") == []  # as published with ImageNet
    assert problems(HEAD, b"a\n\nb\n") == [f"{place}labels.txt, line 2: a label has 1 to 200 letters, here are 0"]
    assert problems(HEAD.replace("labels.txt", "../labels.txt"))[0] == f"{place}'../labels.txt' leads out of the bundle"


def test_the_count_is_a_number_and_the_labels_are_known() -> None:
    rule = "rules:\n  r: {when: '%s', do: x.y()}\n"

    assert "never 'botle' (did you mean 'bottle'?" in problems(HEAD + rule % 'look.label == "botle"')[0]
    assert "cannot compare a number with a text" in problems(HEAD + rule % 'look.count == "2"')[0]
    assert "can never hold" in problems(HEAD + rule % "look.count < 0")[0]


def test_a_classifier_has_no_count_and_no_threshold() -> None:
    assert "has no field 'count'" in told(check(shipped().replace("look.score >= 0.50", "look.count >= 1")))[0]
    pipeline = shipped().replace("task: classify,", "task: classify, threshold: 0.5,")

    assert "models.bead.threshold: is for task detect" in told(check(pipeline))[0]
