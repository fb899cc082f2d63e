"""What a device finds out about a release before it lets it run, each by its name."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon.updates.releases import CASES, always_sure, bundle_folder, crashing, forged_model, reversioned
from models.test_chain import INSTALLED
from models.tiny_model import LOG, tiny_model

from ripieno_daemon.updates import verdict as names
from ripieno_daemon.updates.self_test import run_child, self_test
from ripieno_daemon.updates.verdict import Verdict


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_folder(tmp_path_factory.mktemp("good") / "good", extra={"cases/parts.yaml": CASES})


def tried(new: Path, before: Path | None = None, changes: float = 0.0, runtime: str | None = None) -> Verdict:
    return asyncio.run(self_test(str(new), "" if before is None else str(before), changes, runtime))


def named(verdict: Verdict) -> set[str]:
    return {one.name for one in verdict.failures}


def test_a_good_release_passes_and_its_figures_are_kept(good: Path, tmp_path: Path) -> None:
    verdict = tried(reversioned(good, tmp_path / "new", "1.1.0"), good)

    assert verdict.is_good, str(verdict)
    assert verdict.figures["compared"] == 3 and verdict.figures["changed"] == 0
    assert verdict.figures["cases"] == 2 and verdict.figures["invoke_us.tiny"] >= 0


def wrong_shape(folder: Path) -> None:
    forged_model(folder, tiny_model(size=4))


def wrong_class_count(folder: Path) -> None:
    forged_model(folder, tiny_model(channels=4))


def wrong_type(folder: Path) -> None:
    forged_model(folder, tiny_model("uint8"))


def wrong_quantisation(folder: Path) -> None:
    forged_model(folder, tiny_model(scale=1 / 64))


def damaged(folder: Path) -> None:
    content = bytearray((folder / "models/tiny.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "models/tiny.tflite").write_bytes(content)


def mixed_rules(folder: Path) -> None:
    text = (folder / "pipeline.yaml").read_text()
    (folder / "pipeline.yaml").write_text(text.replace("0.50", "0.10"))


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (wrong_shape, names.CONTRACT),
        (wrong_class_count, names.CONTRACT),
        (wrong_type, names.CONTRACT),
        (wrong_quantisation, names.CONTRACT),
        (damaged, names.DAMAGED),
        (mixed_rules, names.DAMAGED),
    ],
)
def test_what_is_not_as_sealed_is_refused(good: Path, tmp_path: Path, spoil: Callable[[Path], None], name: str) -> None:
    folder = shutil.copytree(good, tmp_path / "bad")
    spoil(folder)

    verdict = tried(folder, good)
    assert named(verdict) == {name}, str(verdict)


def test_swapped_labels_are_found_by_what_the_pictures_are_called_or_by_what_was_decided_before(
    good: Path, tmp_path: Path
) -> None:
    """Sealed honestly with a wrong list of labels: every digest is right."""
    swapped = ("red", "blue", "green")
    unnamed = {f"p{at}": colour for at, colour in enumerate(("red", "green", "blue"))}
    folder = bundle_folder(tmp_path / "swapped", labels=swapped, golden=unnamed)

    verdict = tried(folder, good)
    assert named(verdict) == {names.DECISIONS}, str(verdict)
    assert "2 of 3 golden inputs" in str(verdict) and "green-1.png" in str(verdict)
    assert tried(folder, good, changes=0.7).is_good
    assert tried(folder).is_good  # negative control: without what ran before nobody could know


def test_a_model_that_is_always_sure_of_the_same_is_refused(tmp_path: Path) -> None:
    always = bundle_folder(
        tmp_path / "always",
        model=always_sure(),
        golden={f"p{at}": colour for at, colour in enumerate(("red", "green", "blue"))},
    )

    verdict = tried(always)
    assert named(verdict) == {names.CONSTANT}, str(verdict)


def test_a_model_that_gives_what_is_no_number_is_refused(tmp_path: Path) -> None:
    """Its own golden pictures have no black channel, so sealing saw nothing."""
    folder = bundle_folder(tmp_path / "nan", model=tiny_model("float32", last=LOG), golden={"p1": "grey"})

    verdict = tried(folder)
    assert named(verdict) == {names.NOT_FINITE}, str(verdict)
    assert "a black picture" in str(verdict)


def test_a_model_that_is_too_slow_for_its_deadline_on_this_device_is_refused(tmp_path: Path) -> None:
    folder = bundle_folder(tmp_path / "slow", model=tiny_model("float32", size=1500), deadline="1ms")

    verdict = tried(folder)
    assert names.SLOW in named(verdict), str(verdict)
    assert "deadline of 1 ms" in str(verdict)


def test_a_case_that_fails_is_told_by_its_name(good: Path, tmp_path: Path) -> None:
    folder = bundle_folder(tmp_path / "strict", least="0.70", extra={"cases/parts.yaml": CASES})

    verdict = tried(folder)
    assert named(verdict) == {names.CASES}, str(verdict)
    assert "a_score_of_0_60_is_enough" in str(verdict)


@pytest.mark.skipif("tflite" not in INSTALLED, reason="LiteRT survives every damaged model that was found")
def test_a_model_that_kills_its_process_is_a_verdict_and_this_process_lives(good: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(good, tmp_path / "crashing")
    forged_model(folder, crashing(tiny_model()))

    verdict = tried(folder, good, runtime="tflite")
    assert named(verdict) == {names.CRASHED}, str(verdict)
    assert "SIGSEGV" in str(verdict)


def test_a_child_that_hangs_or_writes_nothing_sensible_is_a_verdict_too(good: Path) -> None:
    assert named(asyncio.run(run_child([str(good)], 0.05))) == {names.HUNG}
    assert named(asyncio.run(run_child(["--help"], 120))) == {names.CRASHED}
