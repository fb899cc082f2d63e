"""Recorded pictures are shown to the model again, and a forgery that the rules agree with is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from daemon.inquiry.runs import decisions, forge, run

from ripieno_daemon.cli import CALLED_WRONGLY, NO, OK, main
from ripieno_sim.plant.picture import render
from ripieno_sim.stage.scene import bundle_path


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory, with the pictures that were shown beside it."""
    folder = tmp_path_factory.mktemp("kept")
    pictures = folder / "pictures"
    pictures.mkdir()
    rows = ["file,class"]
    for label, width in (("under", 0.7), ("normal", 1.0), ("over", 1.4)):
        (pictures / f"{label}.png").write_bytes(render(width, 1))
        rows.append(f"{label}.png,{label}")
    (pictures / "labels.csv").write_text("\n".join(rows))
    run(folder / "state", parts=30, images=pictures)
    return folder


def replayed(state: Path, pictures: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
    words = ["replay", str(state), "--pictures", str(pictures), "--bundle", str(bundle_path()), "--json", "-", *more]
    code = main(words)
    return code, json.loads(capsys.readouterr().out)


def test_with_the_same_fingerprint_every_answer_is_the_same(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, result = replayed(kept / "state", kept / "pictures", capsys)

    assert (code, result["grade"], result["mismatches"]) == (OK, "L1", 0)
    assert result["pictures"]["found"] == result["pictures"]["recorded"] == 30
    assert result["pictures"]["largest_difference_of_a_score"] == 0


def test_a_forgery_that_the_rules_agree_with_is_found_by_the_model(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part's answer and its decision are both changed, and the chain is made anew: only the picture knows."""
    state = Path(shutil.copytree(kept / "state", tmp_path / "state"))
    body = next(body for body in decisions(state).values() if body.get("verdict") == "good")
    number = int(body["id"].rpartition("-")[2])

    def event(_: int, event: list[Any]) -> list[Any] | None:
        return [*event[:9], 0.75, *event[10:]] if event[0] == 6 and event[4] and event[4][2] == number else None

    def decision(_: int, told: dict[str, Any]) -> dict[str, Any] | None:
        if told["id"] != body["id"]:
            return None
        return {
            **told,
            "operands": [[name, 0.75 if name == "look.score" else v, age] for name, v, age in told["operands"]],
        }

    forge(state, "event", event)
    forge(state, "decision", decision)

    assert main(["replay", str(state)]) == OK
    capsys.readouterr()
    code, result = replayed(state, kept / "pictures", capsys)
    assert (code, result["mismatches"]) == (NO, 1)
    assert result["flips"][0]["id"] == body["id"]


def test_a_model_is_known_by_its_digest_whatever_a_pipeline_calls_it(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of several pipelines a record says PIPELINE/MODEL, and each bundle has names of its own."""
    bundle = Path(shutil.copytree(bundle_path(), tmp_path / "bundle"))
    text = (bundle / "pipeline.yaml").read_text()
    (bundle / "pipeline.yaml").write_text(text.replace("bead:", "eye:").replace("model: bead", "model: eye"))
    assert main(["bundle", "seal", str(bundle)]) == OK
    capsys.readouterr()

    code, result = replayed(kept / "state", kept / "pictures", capsys, "--bundle", str(bundle))

    assert (code, result["grade"], result["mismatches"]) == (OK, "L1", 0)
    assert (result["pictures"]["found"], result["pictures"]["of_other_models"]) == (30, 0)


def test_pictures_that_are_not_there_are_counted_or_refused(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    some, none = tmp_path / "some", tmp_path / "none"
    some.mkdir()
    none.mkdir()
    shutil.copy(kept / "pictures" / "normal.png", some / "renamed.bin")

    _, result = replayed(kept / "state", some, capsys)
    assert 0 < result["pictures"]["found"] < result["pictures"]["recorded"]
    code, result = replayed(kept / "state", none, capsys)
    assert code == CALLED_WRONGLY and "none of the 30 recorded pictures" in result["error"]
    code, result = replayed(kept / "state", tmp_path / "nowhere", capsys)
    assert code == CALLED_WRONGLY
    assert main(["replay", str(kept / "state"), "--pictures", str(some)]) == CALLED_WRONGLY
