"""Several pipelines and several kinds of items in one record: what a person calls them, and what is said of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from daemon.inquiry.played import played
from engine.desk import service
from engine.test_studies import clinic

from ripieno.cases.play import Play
from ripieno_daemon.inquiry import CannotAnswer
from ripieno_daemon.inquiry.names import is_meant
from ripieno_daemon.inquiry.telling import tell
from ripieno_daemon.inquiry.why import why
from ripieno_daemon.inquiry.why_not import why_not

ANSWERS = {
    "help-desk/intent": {"label": "refund", "score": 0.9},
    "help-desk/customer": {"name": "Ada", "balance": 12},
    "help-desk/helper": "nobody",
    "clinic/look": {"label": "normal"},
    "clinic/closer": {"label": "normal"},
    "clinic/patient": {"age": 4},
    "clinic/doctor": "sign",
}


def happen(play: Play) -> None:
    play.wait(1_000_000_000)
    play.item("help-desk/question", {"asked": {"text": "where is my refund?", "customer": 7}})
    play.wait(2_000_000_000)
    play.item("clinic/study", {})
    play.wait(5_000_000_000)


@pytest.fixture(scope="module")
def record() -> Any:
    study = replace(clinic(), name="clinic")
    return played((replace(service(), name="help-desk"), study), ANSWERS, happen)


@pytest.mark.parametrize(
    "words", ["question 1", "question-00000001-1", "help-desk/question-00000001-1", "question-...-1"]
)
def test_an_item_is_called_with_and_without_its_pipeline(record: Any, words: str) -> None:
    answer = why(record, words)

    assert answer["id"] == "help-desk/question-00000001-1"


def test_a_study_has_no_edge_and_no_act_that_is_missing(record: Any) -> None:
    said = tell(why(record, "study 1"))

    assert "picture" in said
    assert "edge" not in said and "diverted" not in said
    assert "look answered in" in said


def test_a_rule_is_called_with_and_without_its_pipeline(record: Any) -> None:
    for name in ("answer", "help-desk/answer"):
        answer = why_not(record, name, "question 1")

        assert (answer["rule"]["name"], answer["blocked"]) == ("help-desk/answer", False)


def test_a_time_means_the_item_of_the_rules_own_kind_that_was_decided_last(record: Any) -> None:
    answer = why_not(record, "answer", "5.5")

    assert answer["item"] == "help-desk/question-00000001-1"


def test_an_item_of_another_kind_is_told(record: Any) -> None:
    with pytest.raises(CannotAnswer, match=r"answer runs once for each help-desk/question, and .*study.* is none"):
        why_not(record, "answer", "study 1")


@pytest.mark.parametrize(
    ("words", "id", "fits"),
    [
        ("trim_up@37", "trim_up@37/2", True),
        ("trim_up@37/2", "quality-control/trim_up@37/2", True),
        ("trim_up@37", "quality-control/trim_up@37/2", True),
        ("quality-control/trim_up@37", "quality-control/trim_up@37/2", True),
        ("quality-control", "quality-control/trim_up@37/2", False),
        ("trim_up@3", "trim_up@37/2", False),
        ("part 12", "quality-control/part-7f00a1b2-12", True),
        ("part-...-12", "quality-control/part-7f00a1b2-12", True),
        ("part-...-2", "quality-control/part-7f00a1b2-12", False),
        ("12", "quality-control/part-7f00a1b2-12", True),
        ("quality 12", "quality-control/part-7f00a1b2-12", False),
    ],
)
def test_a_shortened_name_fits_an_id(words: str, id: str, fits: bool) -> None:
    assert is_meant(words, id) == fits


def test_an_item_that_waits_for_a_person_is_told_as_such() -> None:
    def ask(play: Play) -> None:
        play.item("question", {"asked": {"text": "refund", "customer": 7}, "customer": {"found": False}})
        play.wait(1_000_000_000)

    answers = {name.removeprefix("help-desk/"): one for name, one in ANSWERS.items() if name.startswith("help-desk/")}
    record = played((service(),), answers, ask)
    with pytest.raises(CannotAnswer, match=r"question-00000001-1 is not decided yet: it was last asked by helper"):
        why(record, "1")
