"""A model whose answers are no answers, through a whole daemon in virtual time: nothing is let through for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ripieno.models.chain import Chain
from ripieno_daemon.workers.inline import InlineInference
from ripieno_sim.stage.report import broken
from ripieno_sim.stage.scene import Settings
from ripieno_sim.stage.virtual import run_virtual

PARTS = 90


def bad_from(first: int, number: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its `first` picture on, let the model give this number for every label, or for the first one alone."""
    outputs, run = Chain.outputs, Chain.run
    seen = {"pictures": 0}

    def counted(chain: Chain, given: bytes) -> Any:
        seen["pictures"] += 1
        return run(chain, given)

    def spoilt(chain: Chain) -> list[NDArray[np.float32]]:
        found = outputs(chain)
        if seen["pictures"] <= first:
            return found
        for scores in found:
            scores[...] = 0 if number == 0 else scores
            scores.reshape(-1)[0] = number
        return found

    monkeypatch.setattr(Chain, "run", counted)
    monkeypatch.setattr(Chain, "outputs", spoilt)


def run(folder: Path, bundle: Path | None = None) -> tuple[dict[str, Any], list[str]]:
    said: list[str] = []
    folder.mkdir()
    figures = run_virtual(Settings(parts=PARTS, seed=3, bundle=bundle), folder, said.append)
    return figures, said


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), 0.0], ids=["nan", "inf", "-inf", "zero"])
def test_no_part_is_let_through_for_an_answer_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: float
) -> None:
    """The self-test and the first pictures are answered; then the model gives no number any more."""
    bad_from(60, number, monkeypatch)
    figures, said = run(tmp_path / "run")

    outcome = figures["outcome"]
    assert broken(figures) == []
    assert 0 < outcome["passed_good"] < PARTS / 2
    assert figures["undecided_passed"] == 0 and outcome["undecided"] > PARTS / 4
    wanted = "model-failed" if number == 0 else "model-non-finite"
    assert [line for line in said if line.startswith("model-")] == [
        f"{wanted}: look: 3 answers in a row are {wanted.removeprefix('model-')}: "
        + ("model bead gave 0 for every label" if number == 0 else "model bead gave a score that is no finite number")
    ], "said once"


def test_without_the_check_of_numbers_such_parts_are_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: plus infinity is a high score to whoever does not look."""
    monkeypatch.setattr("ripieno.models.decoding._finite", lambda spec, values: None)
    bad_from(60, float("inf"), monkeypatch)
    figures, said = run(tmp_path / "run")

    assert figures["outcome"]["undecided"] == 0 and not any(line.startswith("model-") for line in said)


def test_a_processor_that_is_too_slow_for_a_while_costs_parts_and_no_late_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Throttled by heat: 40 pictures take four times their deadline. Decisions come in time or not at all."""
    calls = {"looks": 0}
    made = InlineInference.__init__

    def slow(inference: InlineInference, *given: Any) -> None:
        *rest, latency_s, serve = given

        def throttled(step: str) -> float:
            calls["looks"] += 1
            return 0.4 if 30 < calls["looks"] <= 70 else float(latency_s(step))

        made(inference, *rest, throttled, serve)

    monkeypatch.setattr(InlineInference, "__init__", slow)
    figures, said = run(tmp_path / "run")

    outcome = figures["outcome"]
    assert broken(figures) == [] and figures["actuation"]["late"] == 0
    assert figures["undecided_passed"] == 0
    assert 20 <= outcome["undecided"] <= 50 and outcome["passed_good"] > 10
    told = [line for line in said if line.startswith("model-")]
    assert [line.split(":")[0] for line in told] == ["model-late", "model-good"], told
