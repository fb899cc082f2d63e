"""An evaluation of models over texts and numbers, on tables that are written here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from daemon.workers.texts import DESK, INTENTS, WEAR, desk_model, wear_model
from models.tiny_dense import tiny_dense

from ripieno.errors import ConfigError
from ripieno.models import Declaration, TakesNumbers
from ripieno_daemon.bundles import seal
from ripieno_daemon.cli import main
from ripieno_daemon.evaluation import evaluate, statistics

WHICH = Declaration(
    "which", "which.tflite", ("first", "second"), takes=TakesNumbers(("p", "t"), (0.0, 0.0), (1.0, 1.0))
)
HEADER = "text,category"
ASKED = ["where is my card,card", '"cash, now",cash', "what rate,rate", "cash at once,cash", "my card!,rate"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "desk.tflite").write_bytes(desk_model())
    (folder / "wear.tflite").write_bytes(wear_model())
    (folder / "which.tflite").write_bytes(tiny_dense(2, [{0: 40}, {1: 40}], taken=(0.05, 0)))
    seal(folder, [DESK, WEAR, WHICH], name="desk", version="1")
    return folder


def table(folder: Path, rows: list[str], header: str = HEADER, name: str = "test.csv") -> Path:
    (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder


def test_a_file_for_each_split_is_read_and_counted(bundle: Path, tmp_path: Path) -> None:
    table(tmp_path, ["nothing,card"], name="train.csv")

    report = evaluate(bundle, table(tmp_path, [*ASKED, "\N{PILE OF POO},card"]), "test", "desk")

    assert (report.n, report.accuracy) == (5, pytest.approx(4 / 5))
    assert [[row[at] for at in range(3)] for row in report.confusion] == [[1, 0, 0], [0, 2, 0], [1, 0, 1]]
    assert report.unreadable == [("test.csv:7", "there is no word in the text (1 characters)")]
    assert [(one.label, one.recall, one.n, one.taken_for) for one in report.worst] == [("rate", 0.5, 2, "card")]
    assert report.windowed == {}
    assert report.by_score[0].share == 1 and report.by_score[0].accuracy == pytest.approx(4 / 5)
    low, high = report.interval["accuracy"]
    assert low < 4 / 5 < high


def test_a_column_chooses_the_split_and_the_same_text_is_one_group(bundle: Path, tmp_path: Path) -> None:
    rows = [f"{one},test" for one in (*ASKED, ASKED[0])] + ["card,cash,train"]

    report = evaluate(bundle, table(tmp_path, rows, f"{HEADER},split", "labels.csv"), "test", "desk")

    assert (report.n, report.groups) == (6, 5)


def test_numbers_are_counted_too(bundle: Path, tmp_path: Path) -> None:
    rows = ["1.5,0,first", "0,2,second", "-1,1e0,first", "nan,1,first"]

    report = evaluate(bundle, table(tmp_path, rows, "p,t,class"), "test", "which")

    assert (report.n, report.accuracy) == (3, pytest.approx(2 / 3))
    assert report.unreadable == [("test.csv:5", "p is nan")]


def problems(bundle: Path, data: Path, split: str | None, model: str | None = "desk") -> str:
    with pytest.raises(ConfigError) as caught:
        evaluate(bundle, data, split, model)
    return str(caught.value).replace(str(data), "DATA")


def test_every_wrong_row_is_named_with_its_place(bundle: Path, tmp_path: Path) -> None:
    data = table(tmp_path, ["a card,crad", "1,cash"])
    assert problems(bundle, data, "test") == (
        "DATA/test.csv:2:2: category: 'crad' is not among the model's labels (did you mean card?)"
    )
    data = table(tmp_path, ["1,x,first", ",2,second"], "p,t,class")
    assert problems(bundle, data, "test", "which") == (
        "DATA/test.csv:2:2: t: should be a number (got 'x')\nDATA/test.csv:3:1: p: should be a number (got '')"
    )


def test_what_is_missing_is_named_with_what_there_is(bundle: Path, tmp_path: Path) -> None:
    data = table(tmp_path, ["x,card"], "question,category")
    assert problems(bundle, data, "test") == (
        "DATA/test.csv:1:1: missing column text (columns here: question, category)"
    )
    assert problems(bundle, data, "val") == (
        "DATA/val.csv: expected labels.csv or val.csv, found none (splits here: test)"
    )
    assert problems(bundle, table(tmp_path, []), "test") == "DATA/test.csv: split: no row of split 'test'"
    (data / "test.csv").write_bytes(b"text,category\n\xff,card\n")
    assert problems(bundle, data, "test").startswith("DATA/test.csv: cannot be read: 'utf-8' codec")


def test_a_model_without_labels_is_not_counted(bundle: Path, tmp_path: Path) -> None:
    data = table(tmp_path, ASKED)

    assert "model wear does not classify: there are no labels to count" in problems(bundle, data, "test", "wear")
    assert "which model? the bundle has several (classifiers here: desk, which)" in problems(bundle, data, "test", None)
    assert "no classifier 'dusk' in the bundle" in problems(bundle, data, "test", "dusk")


@pytest.mark.parametrize(("at_least", "code"), [(None, 0), ("0.8", 0), ("0.81", 1), ("80", 2)])
def test_the_exit_code_says_whether_it_is_good_enough(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], at_least: str | None, code: int
) -> None:
    data = table(tmp_path, ASKED)
    line = ["evaluate", str(bundle), "--data", str(data), "--split", "test", "--model", "desk", "--json", "-"]

    try:
        ended = main([*line, *(["--at-least", at_least] if at_least else [])])
    except SystemExit as stopped:
        ended = stopped.code

    assert ended == code
    if code != 2:
        told = json.loads(capsys.readouterr().out)
        assert (told["n"], told["accuracy"], told["labels"]) == (5, 0.8, list(INTENTS))
        assert told["worst"] == [{"label": "rate", "recall": 0.5, "n": 2, "taken_for": "card"}]


def test_many_labels_show_the_worst_alone(capsys: pytest.CaptureFixture[str], bundle: Path, tmp_path: Path) -> None:
    from ripieno_daemon.cli.author.evaluate import _text

    report = evaluate(bundle, table(tmp_path, ASKED), "test", "desk").to_plain()
    few = _text(report)
    many = _text({**report, "labels": [*report["labels"], *(f"l{number}" for number in range(10))]})

    assert "answered as" in few and "taken for" not in few
    assert "  0.50 of 2    rate, taken for card" in many and "answered as" not in many


def test_the_share_that_is_left_falls_and_what_is_left_is_counted() -> None:
    import numpy as np

    found = statistics.by_threshold(np.array([True, True, False]), np.array([0.9, 0.55, 0.35]))

    assert {one.at_least: (round(one.share, 3), one.accuracy) for one in found} == {
        0.0: (1.0, pytest.approx(2 / 3)),
        0.3: (1.0, pytest.approx(2 / 3)),
        0.4: (0.667, 1.0),
        0.5: (0.667, 1.0),
        0.6: (0.333, 1.0),
        0.7: (0.333, 1.0),
        0.8: (0.333, 1.0),
        0.9: (0.333, 1.0),
        0.95: (0.0, None),
    }
