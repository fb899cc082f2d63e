"""A recorded decision becomes a case that the bundle holds, and that a changed bundle does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from daemon.inquiry.played import played
from daemon.inquiry.runs import decisions, run
from engine.desk import service
from engine.test_studies import clinic

from ripieno.cases.play import Play
from ripieno.plan import PipelinePlan, RouteStep
from ripieno_daemon.casework import plan_of, try_case
from ripieno_daemon.cli import CALLED_WRONGLY, NO, OK, main
from ripieno_daemon.inquiry import CannotAnswer, opened
from ripieno_daemon.inquiry.kept import kept

BUNDLE = Path("pipelines/bundles/quality-control")
S = 1_000_000_000
ANSWERS = {"intent": {"label": "refund", "score": 0.9}, "customer": {"name": "Ada", "balance": 12}, "helper": "nobody"}
SPOKEN = {"answer": "explain", "by": "Eva: 'the' {agent}", "note": "# no [comment]\nsecond line"}
QUESTIONS: dict[str, dict[str, Any]] = {
    "answered": {"asked": {"text": "where is my refund?", "customer": 7}},
    "asked": {"asked": {"text": 'say "é", {a: b} # c', "customer": 7}, "intent": {"score": 0.2}, "helper": SPOKEN},
    "not found": {"asked": {"text": "refund", "customer": 8}, "customer": {"found": False}, "helper": "refund"},
    "late": {"asked": {"text": "refund", "customer": 8}, "customer": "late", "helper": "explain"},
    "no model": {"asked": {"text": "refund", "customer": "unknown"}, "intent": "unknown"},
    "slow model": {"asked": {"text": "refund", "customer": 1}, "intent": "late", "helper": "nobody"},
}


def asked(question: dict[str, Any]) -> Any:
    def happen(play: Play) -> None:
        play.wait(3 * S)
        play.item("question", question)
        play.wait(130 * S)

    return played((service(),), ANSWERS, happen)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_decided_alike_as_a_case(name: str) -> None:
    case = kept(asked(QUESTIONS[name]), "1", "service")

    assert try_case(case.text, service()) == []


def test_the_case_of_a_question_holds_what_came_and_what_it_became() -> None:
    text = kept(asked(QUESTIONS["asked"]), "question 1", "service").text

    assert 'text: "say \\"\\u00e9\\", {a: b} # c"' in text
    assert "intent: {label: refund, score: 0.2}" in text and "verdicts: [answered]" in text
    assert "booked: {reply: [{verb:" in text


def test_another_pipeline_decides_otherwise() -> None:
    """The negative control: a case that nothing could fail would keep nothing."""
    route = service().flow[2]
    assert isinstance(route, RouteStep)
    changed = replace(service(), flow=(*service().flow[:2], replace(route, unknown="answer"), service().flow[3]))
    text = kept(asked(QUESTIONS["late"]), "1", "service").text

    assert try_case(text, changed) != []


def test_a_study_is_kept_under_its_own_pipelines_names() -> None:
    def happen(play: Play) -> None:
        play.item("clinic-1/study", {"scans": {"key": "patient-17"}})
        play.wait(5 * S)

    answers = {"look": {"label": "normal"}, "closer": {"label": "normal"}, "patient": {"age": 4}, "doctor": "sign"}
    mine = {f"clinic-1/{name}": answer for name, answer in answers.items()}
    pipelines = (replace(clinic(), name="clinic-1"), replace(service(), name="desk"))
    case = kept(played(pipelines, mine, happen), "1", "clinic-1")

    assert "- {study: {scans: {key: patient-17}, look: " in case.text
    assert try_case(case.text, clinic()) == []
    with pytest.raises(CannotAnswer, match="is an item of pipeline clinic-1, not of desk"):
        kept(played(pipelines, mine, happen), "1", "desk")


@pytest.fixture(scope="module")
def plan() -> PipelinePlan:
    return plan_of(BUNDLE)


def test_each_part_of_a_line_is_decided_alike_as_a_case(tmp_path: Path, plan: PipelinePlan) -> None:
    state = run(tmp_path / "state", parts=30)
    parts = [body["id"] for body in decisions(state).values() if "item" in body]
    with opened(state) as past:
        wrong = {id: why for id in parts if (why := try_case(kept(past, id, "quality-control").text, plan))}

    assert len(parts) == 30
    assert wrong == {}


def test_the_command_prints_a_case_and_says_whether_the_bundle_decides_alike(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = run(tmp_path / "state", parts=30)
    (bundle := tmp_path / "bundle").mkdir()
    text = (BUNDLE / "pipeline.yaml").read_text()
    for path in BUNDLE.rglob("*"):
        if path.is_file() and "cases" not in path.parts:
            (bundle / path.relative_to(BUNDLE)).parent.mkdir(parents=True, exist_ok=True)
            (bundle / path.relative_to(BUNDLE)).write_bytes(path.read_bytes())

    assert main(["test", str(BUNDLE), "--from-ledger", str(state), "--item", "12", "--json", "-"]) == OK
    answer = json.loads(capsys.readouterr().out)
    (bundle / "cases").mkdir()
    (bundle / "cases" / "kept.yaml").write_text(answer["text"])
    assert (answer["failures"], answer["case"][:8]) == ([], "part_12_")

    turned = text.replace("look.score >= 0.50", "look.score >= 0.9999")
    (bundle / "pipeline.yaml").write_text(turned)
    good = next(body["id"] for body in decisions(state).values() if body.get("verdict") == "good")
    assert turned != text
    sealed = main(["bundle", "seal", str(bundle)])
    capsys.readouterr()
    assert sealed == OK
    assert main(["test", str(bundle), "--from-ledger", str(state), "--item", good]) == NO
    assert "# quality-control 1.0.0 decides otherwise: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--item", "12"], "--from-ledger DIR and --item ID go together"),
        (["--from-ledger", "nowhere", "--item", "12"], "nowhere: no ledger here"),
    ],
)
def test_a_wrong_call_is_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(BUNDLE), *words]) == CALLED_WRONGLY
    heard = capsys.readouterr()
    assert said in heard.out + heard.err
