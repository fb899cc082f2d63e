"""An evaluation counts what the model said; its refusals say what to mend."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from daemon.workers.rig import painted
from hypothesis import given
from hypothesis import strategies as st
from models.tiny_model import LABELS, tiny_model

from ripieno.errors import BundleError, ConfigError
from ripieno.models import Declaration
from ripieno_daemon.bundles import seal
from ripieno_daemon.evaluation import evaluate, statistics


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "tiny.tflite").write_bytes(tiny_model())
    seal(folder, [Declaration("tiny", "tiny.tflite", LABELS)], name="colours", version="1")
    return folder


def labelled(folder: Path, rows: list[str], header: str = "file,class,near_duplicate_group,split") -> Path:
    for colour in LABELS:
        painted(folder, colour)
    (folder / "labels.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def test_a_report_counts_hits_misses_and_what_could_not_be_read(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.png").write_bytes(Path(painted(tmp_path, "red")).read_bytes()[:30])
    rows = ["red.png,red,1,test"] * 6 + ["blue.png,blue,2,test"] * 5 + ["green.png,red,3,test", "cut.png,red,4,test"]
    seen: list[tuple[int, int]] = []

    report = evaluate(
        bundle, labelled(tmp_path, [*rows, "red.png,green,5,train"]), "test", progress=lambda *at: seen.append(at)
    )

    assert (report.n, report.groups, report.accuracy) == (12, 3, pytest.approx(11 / 12))
    assert report.confusion == [[6, 1, 0], [0, 0, 0], [0, 0, 5]]
    assert report.balanced_accuracy == pytest.approx((6 / 7 + 1) / 2)
    assert [file for file, _ in report.unreadable] == ["cut.png"] and "truncated" in report.unreadable[0][1]
    assert (report.per_class["red"].n, report.per_class["green"].recall) == (7, None)
    assert (report.windowed[5], report.windowed[10]) == (1.0, None)
    assert seen[-1] == (13, 13)
    assert json.loads(json.dumps(report.to_plain()))["windowed"]["5"] == 1.0


def test_the_same_data_gives_the_same_figures(bundle: Path, tmp_path: Path) -> None:
    data = labelled(tmp_path, ["red.png,red,1,test", "blue.png,blue,2,test", "blue.png,red,3,test"])

    first, second = (evaluate(bundle, data, "test").to_plain() for _ in range(2))

    for times in ("decode_ms", "invoke_ms"):
        del first[times], second[times]
    assert first == second


def problems(bundle: Path, data: Path, split: str | None) -> str:
    with pytest.raises(ConfigError) as caught:
        evaluate(bundle, data, split)
    return str(caught.value).replace(str(data), "DATA")


def test_every_wrong_row_is_named_with_its_place(bundle: Path, tmp_path: Path) -> None:
    data = labelled(tmp_path, ["red.png,redd,1,test", "none.png,blue,1,test", "red.png,redd,2,test"])

    assert problems(bundle, data, "test") == (
        "DATA/labels.csv:2:2: class: 'redd' is not among the model's labels (did you mean red?)\n"
        "DATA/labels.csv:3:1: file: none.png: no such picture"
    )


def test_an_empty_split_names_those_that_exist(bundle: Path, tmp_path: Path) -> None:
    data = labelled(tmp_path, ["red.png,red,1,test", "red.png,red,1,val"])

    assert problems(bundle, data, "tset") == "DATA/labels.csv: split: no row of split 'tset' (splits here: test, val)"


def test_missing_columns_and_a_missing_file_are_named(bundle: Path, tmp_path: Path) -> None:
    assert problems(bundle, tmp_path, "test").startswith("DATA/test.csv: expected labels.csv or test.csv, found none")
    assert problems(bundle, tmp_path, None).startswith("DATA/labels.csv: expected labels.csv, found none")
    data = labelled(tmp_path, ["red.png,red"], "file,colour")
    assert problems(bundle, data, None) == (
        "DATA/labels.csv:1:1: missing column class (or category, label, intent) (columns here: file, colour)"
    )


def test_a_bundle_that_is_not_sealed_says_how_to_seal_it(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"the bundle is not sealed; .*`ripieno bundle seal DIR`"):
        evaluate(tmp_path, tmp_path, None)


def test_wilson_agrees_with_the_published_example() -> None:
    """Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611."""
    assert statistics.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert statistics.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_look_alikes_widen_the_interval() -> None:
    """100 pictures of 5 scenes tell less than 100 of 100; drawing pictures one by one would hide that."""
    true = np.zeros(100, np.int64)
    said = np.repeat([0, 0, 1, 0, 1], 20)

    (low, high), _, groups = statistics.bootstrap(true, said, [str(number // 20) for number in range(100)], 2)
    (alone_low, alone_high), _, _ = statistics.bootstrap(true, said, [str(number) for number in range(100)], 2)

    assert groups == 5 and high - low > 3 * (alone_high - alone_low)


@given(answers=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=60))
def test_figures_stay_in_range_and_agree(answers: list[tuple[int, int]]) -> None:
    true, said = (np.array(column, np.int64) for column in zip(*answers, strict=True))
    table = statistics.confusion_of(true, said, 3)

    assert table.sum() == len(answers) and np.trace(table) == (true == said).sum()
    assert 0 <= statistics.balanced(table) <= 1
    assert statistics.windowed(true, said, 3, 1) == pytest.approx(float(statistics.balanced(table)))
