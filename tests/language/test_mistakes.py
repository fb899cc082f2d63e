"""Each kind of mistake has its text: what is wrong, where, and what was probably meant."""

# ruff: noqa: E501  pinned texts stand on one line

from __future__ import annotations

import json

import pytest
from language.bench import BUNDLE, MODEL, check, problems_of, sealed, shipped, told, with_rule

OVER = 'share(look.label == "over", last=20 parts) > 0.5'


def rule(
    when: str = "look.score > 0.5", do: str = "gate.open(part)", rest: str = "each: part\n    else: divert"
) -> str:
    return with_rule(f"  r:\n    {rest}\n    when: {when}\n    do: {do}\n")


def over_time(do: str, rest: str = "cooldown: 1s\n    after_gap: keep") -> str:
    return rule(OVER, do, rest)


SHAPE = [
    (
        "max_age: 200ms",
        "max_age: 60mm",
        "7:37: inputs.top.max_age: wants a duration such as 60ms (got '60mm', a length)",
    ),
    ("max_age: 200ms", "max_agee: 60ms", "7:28: inputs.top.max_agee: unknown key 'max_agee' (did you mean 'max_age'?)"),
    (
        "max_age: 200ms",
        "max_age: 200",
        "7:37: inputs.top.max_age: wants a duration such as 60ms (got 200, without a unit) (write 200ms if you mean that)",
    ),
    ("max_age: 200ms", "max_age: -5ms", "7:37: inputs.top.max_age: should be greater than 0 (got -5ms)"),
    ("max_age: 200ms", "max_age: 2h", "7:37: inputs.top.max_age: should be at most 1h (got 2h)"),
    (
        "max_age: 200ms",
        "max_age: 200mss",
        "7:37: inputs.top.max_age: wants a duration such as 60ms (got '200mss', of unknown unit 'mss') (did you mean 'ms'?)",
    ),
    (
        "deadline: 100ms",
        "deadline: 1m",
        "22:114: steps.look.deadline: wants a duration such as 60ms (got '1m', a length) (minutes are written 'min')",
    ),
    ("kind: frame, max_age: 200ms", "kind: frame", "7:14: inputs.top: missing key 'max_age' (a duration such as 60ms)"),
    (
        "kind: edge",
        "kind: egde",
        "8:21: inputs.photo_eye.kind: should be one of frame, edge, position, reading, message, record (got 'egde') "
        "(did you mean 'edge'?)",
    ),
    ("version: 1.0.0", "version: 1.0", "4:10: version: should be text (got 1.0) (put it into quotes)"),
    ("safe: 100", "safe: 10", "13:70: outputs.flow.safe: should be inside range 60 to 140 (got 10)"),
    ("[60, 140]", "[140, 60]", "13:44: outputs.flow.range: should be [low, high] with low below high (got 140, 60)"),
    ("[60, 140]", "[60]", "13:44: outputs.flow.range: should have more elements (got a list of 1)"),
    ("[60, 140]", "[.nan, 140]", "13:45: should be a finite number (got .nan)"),
    ("step: 5", "step: 0", "13:61: outputs.flow.step: should be greater than 0 (got 0)"),
    ("step: 5", "step: yes", "13:61: outputs.flow.step: should be a number (got 'yes')"),
    (
        "decide_before: gate",
        "decide_before: gte",
        "16:104: items.part.decide_before: there is no place 'gte' (did you mean 'gate'?)",
    ),
    (
        "photo_eye.rising",
        "photo_eye.risng",
        "16:18: items.part.starts: should be an edge input's rising edge (got 'photo_eye.risng') "
        "(did you mean 'photo_eye.rising'?)",
    ),
    ("starts: photo_eye", "starts: top", "16:18: items.part.starts: should be an edge input ('top' is a frame)"),
    ("follows: belt", "follows: top", "16:45: items.part.follows: should be a position input ('top' is a frame)"),
    (
        "camera: 120mm",
        "camera: 620mm",
        "22:51: steps.look.at: is seen at 'camera' (620mm +- 10mm), but must be decided at 620mm "
        "('gate' is at 640mm and begins 20mm before)",
    ),
    (
        "model: bead",
        "model: bed",
        "22:17: steps.look.model: there is no model 'bed' (did you mean 'bead', defined on line 19?)",
    ),
    (
        "frames: every",
        "frames: evry",
        "22:81: steps.look.frames: should be one of every, newest (got 'evry') (did you mean 'every'?)",
    ),
    ("file: models/", "file: ../", "19:16: models.bead.file: '../bead.int8.tflite' leads out of the bundle"),
    ("  flow: {", "  belt: {", "13:3: outputs.belt: input 'belt' has the same name (defined on line 9)"),
    ("  top: ", "  lambda: ", "7:3: inputs.lambda: cannot be used as a name"),
    ("  top: ", "  tоp: ", "7:3: inputs.tоp: should be a name: a letter, then letters, digits and _"),
    ("gate.open(part)", "gate.open(part", "28:18: rules.pass.do: '(' is never closed"),
]


@pytest.mark.parametrize(("right", "wrong", "text"), SHAPE, ids=[one[1] for one in SHAPE])
def test_a_mistake_in_a_section_is_told_so(right: str, wrong: str, text: str) -> None:
    assert right in shipped()

    assert f"pipeline.yaml:{text}" in told(check(shipped().replace(right, wrong, 1)))


EXPRESSIONS = [
    (
        'look.label == "ovre"',
        "28:25: rules.r.when: look.label is never 'ovre' (did you mean 'over'? The labels are normal, over, under)",
    ),
    (
        'look.label in ("over", "bad")',
        "28:34: rules.r.when: look.label is never 'bad' (the labels are normal, over, under)",
    ),
    ("look.score > 1.5", "28:11: rules.r.when: can never hold (look.score is between 0 and 1)"),
    (
        'look.label == "over" and look.label == "under"',
        "28:11: rules.r.when: can never hold (look.label is one text at a time; write 'or')",
    ),
    (
        "0.9 < look.score < 0.1",
        "28:11: rules.r.when: can never hold (look.score is never above 0.9 and below 0.1 at once)",
    ),
    ("1 < 2", "28:11: rules.r.when: compares two constants"),
    ("look.scroe > 0.5", "28:11: rules.r.when: step 'look' has no field 'scroe' (did you mean 'score'?)"),
    (
        "lok.score > 0.5",
        "28:11: rules.r.when: there is no step, input or output 'lok' (did you mean 'look', defined on line 22?)",
    ),
    (
        "look > 0.5",
        "28:11: rules.r.when: step 'look' is no value by itself (name one of its fields: look.label, look.score, look.margin)",
    ),
    (
        'look.score > "a"',
        "28:24: rules.r.when: cannot compare a number with a text (a text is written in quotes, a number without)",
    ),
    (
        "look.score > 60ms",
        "28:24: rules.r.when: cannot compare a number with a duration (a duration is written with its unit, such as 60ms)",
    ),
    ("look.score", "28:11: rules.r.when: should be a condition, true or false (got a number)"),
    ("look.label or look.score > 0.5", "28:11: rules.r.when: 'or' joins conditions (got bool and text)"),
    ("look.score = 0.5", "28:22: rules.r.when: cannot be read as an expression (compare with ==)"),
    ("look.score > 0.5 && true", "28:28: rules.r.when: '&' is not part of the language (write 'and')"),
    (
        "look.__class__ == 1",
        "28:16: rules.r.when: the name '__class__' is not allowed (names begin with a letter and have no '__')",
    ),
    (
        "lооk.score > 1",
        "28:12: rules.r.when: 'о' (U+043E) is not a letter of the language (names are written with a-z, A-Z, 0-9 and _)",
    ),
    ("look.score.real > 1", "28:11: rules.r.when: only 'name.field' can be named"),
    ("look.score / 0 > 1", "28:11: rules.r.when: divides by zero"),
    ("gate.open(part)", "28:11: rules.r.when: acts belong into 'do', not into an expression"),
    (
        OVER.replace("20 parts", "20"),
        "28:44: rules.r.when: last wants a count such as 20 parts or a duration such as 60s (got 20, without a unit)",
    ),
    (
        OVER.replace("20 parts", "20 partz"),
        "28:44: rules.r.when: last wants a count such as 20 parts or a duration such as 60s (got 20 partz) (did you mean 'parts'?)",
    ),
    (OVER.replace("parts", "parts, min=30"), "28:54: rules.r.when: min=30 is more than last=20 parts"),
    (OVER.replace("share", "rate"), "28:43: rules.r.when: rate is per second: last wants a duration such as 60s"),
    (OVER.replace('look.label == "over"', "look.score"), "28:17: rules.r.when: share wants a condition (got a number)"),
    (
        OVER.replace('look.label == "over"', "flow.value > 100"),
        "28:17: rules.r.when: share samples the values of exactly one step or input (got flow)",
    ),
    (OVER.replace("share", "shar"), "28:11: rules.r.when: there is no function 'shar' (did you mean 'share'?)"),
    ("flow.value > 150", "28:11: rules.r.when: can never hold (flow.value is between 60 and 140)"),
]


@pytest.mark.parametrize(("when", "text"), EXPRESSIONS, ids=[one[0] for one in EXPRESSIONS])
def test_a_mistake_in_a_condition_is_told_so(when: str, text: str) -> None:
    assert f"pipeline.yaml:{text}" in told(check(rule(when)))


ACTS = [
    (
        over_time("flow.change(-50)"),
        "29:21: rules.r.do: changes 'flow' by -50, more than its step 5 (change less, or raise step)",
    ),
    (
        over_time("flow.change(2 * 3)"),
        "29:21: rules.r.do: changes 'flow' by +6, more than its step 5 (change less, or raise step)",
    ),
    (over_time("flow.set(150)"), "29:18: rules.r.do: sets 'flow' to +150, outside its range 60 to 140"),
    (over_time("flow.change(-5%)"), "29:21: rules.r.do: numbers of 'flow' are in %, and 5% is 0.05 (write -5)"),
    (over_time("flow.chnge(-5)"), "29:9: rules.r.do: a setpoint cannot 'chnge' (did you mean 'change'?)"),
    (
        over_time("flwo.change(1)"),
        "29:9: rules.r.do: there is no output 'flwo' (did you mean 'flow', defined on line 13?)",
    ),
    (
        over_time("gate.open(part)"),
        "29:9: rules.r.do: gate.open needs an item, and this rule runs over time (give the rule 'each')",
    ),
    (
        rule(do="gate.open(prt)"),
        "29:19: rules.r.do: gate.open wants the item of this rule (got 'prt') (write gate.open(part))",
    ),
    (rule(do="gate"), "29:9: rules.r.do: should be an act of an output (such as gate.open(part))"),
    (rule(do="gate.open(part, 5)"), "29:9: rules.r.do: a pulse takes the item only: gate.open(part)"),
    (
        rule(rest="each: part"),
        "25:5: rules.r: missing key 'else' (what happens when 'when' is false, unknown or too late: divert or hold)",
    ),
    (
        rule(rest="each: part\n    else: divrt"),
        "27:11: rules.r.else: should be one of divert, hold (got 'divrt') (did you mean 'divert'?)",
    ),
    (
        rule(rest="each: part\n    else: divert\n    for: 10s"),
        "28:10: rules.r.for: is for rules over time (remove it, or remove 'each')",
    ),
    (
        rule(rest="each: part\n    else: divert\n    after: gate.divertd"),
        "28:12: rules.r.after: an item is diverted or passed (got 'gate.divertd') (such as gate.diverted)",
    ),
    (
        rule(do="flow.change(1)", rest="cooldown: 1s\n    for: 1s"),
        "28:11: rules.r.when: 'look' has a result for each part, this rule runs over time "
        "(name it inside share(...) or mean(...), or give the rule 'each: part')",
    ),
    (
        with_rule("  r:\n    each: part\n    else: divert\n    do: gate.open(part)\n"),
        "25:5: rules.r: missing key 'when' (an undecided item must not pass)",
    ),
    (
        with_rule(
            "  a: {each: part, when: look.score > 0.5, do: gate.open(part), else: divert}\n"
            "  b: {each: part, when: look.score > 0.7, do: gate.open(part), else: divert}\n"
        ),
        "26:47: rules.b.do: rule 'a' acts on 'gate' already (line 25; join the conditions with 'or')",
    ),
]


@pytest.mark.parametrize(("pipeline", "text"), ACTS, ids=[one[1][:60] for one in ACTS])
def test_a_mistake_in_a_rule_is_told_so(pipeline: str, text: str) -> None:
    assert f"pipeline.yaml:{text}" in told(check(pipeline))


def test_a_comma_inside_braces_that_cuts_an_expression_off_is_explained() -> None:
    cut = shipped().replace("that: 'share", "that: share").replace("0.50', else", "0.50, else")

    assert any("inside {...} a comma ends a value: put the expression into quotes" in one for one in told(check(cut)))


def test_a_bundle_that_was_never_sealed_says_how() -> None:
    files = {f"{BUNDLE}/manifest.json": b""}

    found = told(problems_of(files=files))

    assert any(f"(ripieno bundle seal {BUNDLE})".replace("site/", "") in one for one in found)


def test_a_changed_model_is_named_with_what_was_expected_and_found() -> None:
    files = {f"{BUNDLE}/models/bead.int8.tflite": b"another"}

    assert told(problems_of(files=files)) == [
        "pipeline.yaml:19:16: models.bead.file: models/bead.int8.tflite is not what was sealed: expected sha256 "
        "129338a146e236f8... (15 bytes), found ae448ac86c4e8e4d... (7 bytes) "
        "(ripieno bundle seal bundles/quality-control, if the change is meant)"
    ]


def test_a_pipeline_changed_after_sealing_is_told_only_when_nothing_else_is_wrong_with_it() -> None:
    files = {f"{BUNDLE}/pipeline.yaml": shipped().replace("0.50", "0.60").encode()}
    broken = {f"{BUNDLE}/pipeline.yaml": shipped().replace("frames: every", "frames: evry").encode()}

    assert "is not what was sealed" in problems_of(files=files)[0].message
    assert [one.path for one in problems_of(files=broken)] == ["steps.look.frames"]


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"{", b"null", b"[" * 100_000, b'{"format": 2}', b'{"format": 1, "files": {}, "models": []}', b"\xff"],
)
def test_a_damaged_manifest_is_a_problem_with_its_mend(manifest: bytes) -> None:
    found = problems_of(files={f"{BUNDLE}/manifest.json": manifest})

    assert any("manifest.json cannot be used" in one.message and "bundle seal" in one.hint for one in found)


def test_labels_that_differ_from_the_sealed_ones_are_told() -> None:
    files = sealed(shipped(), labels=["normal", "over", "below"])

    assert told(problems_of(files=files)) == [
        "pipeline.yaml:19:65: models.bead.labels: differs from what was sealed: normal, over, under here, "
        "normal, over, below in the manifest (ripieno bundle seal bundles/quality-control, if the change is meant)"
    ]


@pytest.mark.parametrize("given", ["{colour: bgr, resize: linear}", "{colour: rgb, resize: area}", "{range: [-1, 1]}"])
def test_an_input_that_differs_from_the_sealed_one_is_told(given: str) -> None:
    pipeline = shipped().replace("{colour: rgb, resize: linear}", given)
    files = sealed(pipeline, input={"colour": "rgb", "resize": "linear", "range": [0.0, 1.0]})

    found = problems_of(pipeline, files=files)

    assert [one.message.partition(":")[0] for one in found] == ["differs from what was sealed"]
    assert problems_of(shipped(), files=sealed(shipped(), input={"colour": "rgb", "range": [0, 1]})) == ()


def test_a_model_is_hashed_and_never_looked_into() -> None:
    assert not problems_of()
    assert json.loads(sealed(shipped(), MODEL)[f"{BUNDLE}/manifest.json"])["models"]["bead"]["file"].endswith("tflite")
