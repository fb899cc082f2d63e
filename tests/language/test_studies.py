"""Items that begin with a picture."""

# ruff: noqa: E501  pinned texts stand on one line

from __future__ import annotations

import pytest
from language.bundles import compiled, told_of

from ripieno.plan import ItemPlan

CLINIC = """ripieno: 1
name: clinic
version: 1.0.0
inputs:
  scans:    {kind: frame, max_age: 1min}
  patients: {kind: record, fields: {age: number}}
outputs:
  report: {kind: report}
items:
  study: {starts: scans, decide_within: 1h}
models:
  lung: {file: models/lung.tflite, task: classify, labels: [normal, pneumonia]}
steps:
  look:    {model: lung, input: scans, each: study, deadline: 500ms}
  patient: {lookup: patients, by: scans.key, each: study, deadline: 2s}
  doctor:  {ask: Is this right?, role: doctor, answers: [sign, reject], show: {finding: look.label, age: patient.age}, within: 30min, no_answer: reject, each: study}
rules:
  signed: {each: study, when: doctor.answer == "sign", verdict: reported, do: 'report.write(study, finding=look.label, name=scans.key)'}
  left:   {each: study, after: study.undecided, do: 'report.write(study, finding="nobody has signed")'}
"""


def test_a_picture_begins_an_item_and_its_name_is_the_key() -> None:
    plan = compiled(CLINIC)

    assert plan.items == (ItemPlan("study", "scans", "", (), "", 3_600_000_000_000),)
    assert (plan.steps[0].input, plan.steps[0].each, plan.steps[0].place) == ("scans", "study", "")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "decide_within: 1h",
            "decide_within: 1h, key: name",
            "items.study.key: is the name that the picture came with: scans.key (remove it)",
        ),
        (
            "each: study, deadline: 500ms",
            "each: study, at: camera, deadline: 500ms",
            "steps.look.at: is for items that move: a study begins with its picture (remove it)",
        ),
        ("by: scans.key", "by: scans.kex", "steps.patient.by: input 'scans' has no field 'kex' (did you mean 'key'?)"),
    ],
)
def test_what_such_an_item_cannot_have_is_told(old: str, new: str, told: str) -> None:
    assert any(one.endswith(told) for one in told_of(CLINIC.replace(old, new))), told_of(CLINIC.replace(old, new))


def test_a_picture_of_another_camera_is_no_picture_of_the_item() -> None:
    other = CLINIC.replace("inputs:\n", "inputs:\n  side:     {kind: frame, max_age: 1min}\n").replace(
        "input: scans, each", "input: side, each"
    )

    assert any("a study has no place where a camera sees it" in one for one in told_of(other))
