"""A record over changes of the plan: every decision of either side is explained by the plan that made it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from daemon.inquiry.runs import decisions

from ripieno_daemon.inquiry import opened, replay
from ripieno_daemon.inquiry.telling import tell
from ripieno_daemon.inquiry.why import why
from ripieno_sim.stage.campaign.run import run_seed

MINUTES = 3.0
ON_ITS_WAY, ON_TRIAL = 12, 14  # seeds: a part is on its way when the plan changes, a change of the flow is on trial
EVERY = 12


def changed(state: Path, seed: int) -> Path:
    evidence = run_seed(seed, MINUTES, state)
    assert len(evidence.releases) > 1
    return state


@pytest.fixture(scope="module")
def switched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return changed(tmp_path_factory.mktemp("switched"), ON_ITS_WAY)


def asked(state: Path, words: str) -> dict[str, Any]:
    with opened(state) as past:
        return why(past, words)


def test_the_record_replays_over_every_change_of_the_plan(switched: Path) -> None:
    with opened(switched) as past:
        result = replay(past)

    assert (result["mismatches"], result["left_out"]) == (0, [])
    assert len({*result["plans"]}) > 1


def test_decisions_of_all_plans_are_explained(switched: Path) -> None:
    bodies = list(decisions(switched).values())
    answers = [asked(switched, body["id"]) for body in bodies[::EVERY]]

    assert len({answer["plan"] for answer in answers}) > 1
    for answer, body in zip(answers, bodies[::EVERY], strict=True):
        assert answer["plan"] == body["plan"]
        assert tell(answer).endswith(f"plan {body['plan']}")


def test_a_part_that_was_on_its_way_tells_which_plan_took_over(switched: Path) -> None:
    verdicts = [body for body in decisions(switched).values() if "verdict" in body]
    first = [body for before, body in pairwise(verdicts) if before["plan"] != body["plan"]]
    (answer,) = [one for body in first if (one := asked(switched, body["id"]))["plans"]][:1]

    assert answer["edge"]["t_s"] < answer["plans"][-1]["t_s"] < answer["decision"]["t_s"]
    assert answer["plans"][-1]["plan"] == answer["plan"]
    assert f"took over (plan {answer['plan']})" in tell(answer)


def test_a_change_whose_trial_the_plan_ended_says_so(tmp_path: Path) -> None:
    switched = changed(tmp_path, ON_TRIAL)
    body = next(one for one in decisions(switched).values() if one.get("what") == "not-verified")
    answer = asked(switched, body["id"])
    change = next(
        one for one in decisions(switched).values() if one.get("what") == "changed" and one["rule"] == body["rule"]
    )

    assert "took over from another plan" in tell(answer)
    assert asked(switched, change["id"])["what"] == "changed"


def test_ids_of_rules_are_never_used_again(switched: Path) -> None:
    ids = [body["id"] for body in decisions(switched).values()]

    assert len({*ids}) == len(ids)
