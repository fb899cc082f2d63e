"""The intent model of tests/bundles/service: sealed, small, and as good on published questions as its card says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from models.test_chain import INSTALLED

from ripieno_daemon.bundles import open_bundle
from ripieno_daemon.evaluation import evaluate

BUNDLE = Path(__file__).parents[2] / "bundles/service"
needs_data = pytest.mark.skipif(not os.environ.get("RIPIENO_DATA"), reason="RIPIENO_DATA is not set")


def test_the_bundle_is_as_sealed_and_its_model_small() -> None:
    opened = open_bundle(BUNDLE)

    spec = opened.models["intent"].spec
    assert (BUNDLE / "models/intent.int8.tflite").stat().st_size < 500_000
    assert {spec.input.dtype, spec.outputs[0].dtype} == {"int8"}
    assert len(spec.labels) == len(set(spec.labels)) == 77
    assert len(opened.models["intent"].golden) >= 10


def test_its_golden_questions_are_its_own() -> None:
    """None of them stands in the data that it learned from; what is in the project is ours."""
    data = os.environ.get("RIPIENO_DATA")
    published = Path(data, "text/banking77") if data else Path()
    known = "\n".join(path.read_text(encoding="utf-8").lower() for path in sorted(published.glob("*.csv")))
    asked = [
        json.loads(path.read_text(encoding="utf-8"))["text"] for path in sorted((BUNDLE / "golden").glob("*.json"))
    ]

    assert len(asked) == len(set(asked)) >= 10
    assert not [text for text in asked if text.lower() in known]


@needs_data
@pytest.mark.parametrize("runtime", INSTALLED)
def test_nine_of_ten_published_questions_get_their_intent(runtime: str) -> None:
    """The other half of the official test part, 20 questions of each intent; a published small net reaches 0.912."""
    report = evaluate(BUNDLE, Path(os.environ["RIPIENO_DATA"], "text/banking77"), "test", runtime=runtime)

    assert report.n == 1540 and not report.unreadable
    assert report.accuracy >= 0.91
    assert report.accuracy == pytest.approx(report.balanced_accuracy)  # as many of each
    assert {figures.n for figures in report.per_class.values()} == {20}
    kept = {one.at_least: one for one in report.by_score}
    assert kept[0.7].accuracy is not None and kept[0.7].accuracy > report.accuracy + 0.03
