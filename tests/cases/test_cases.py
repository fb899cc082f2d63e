"""Cases of a bundle: told in a file, run in virtual time, and sharp enough to notice a changed pipeline."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from engine.desk import service
from engine.plans import rule
from engine.test_streams import LOAD, machine
from engine.test_studies import clinic

from ripieno.cases import Case, Coverage, mutants_of, read_cases, run_case
from ripieno.errors import ConfigError
from ripieno.language.problems import Problems
from ripieno.plan import And, BookingEffect, Compare, Const, Operand, PipelinePlan
from ripieno_daemon.casework import load, mutate, run
from ripieno_daemon.cli import main

BUNDLE = Path("pipelines/bundles/quality-control")
MASS = Operand("input", "scale", "mass", "number")
LOADED, WEIGHED = Compare(">", LOAD, Const(80.0)), Compare(">", MASS, Const(4.0))

DESK = """
ripieno: 1
usual: {answers: {intent: {label: refund, score: 0.9}, customer: {name: Ada, balance: 12}, helper: nobody}}
cases:
  a_known_customer_is_answered:
    when: [{question: {asked: {text: "where is my refund?", customer: 7}}}]
    then: {verdicts: [answered], booked: {reply: [{verb: send, intent: refund}], desk: 0}, asked: {helper: 0}}
  an_unknown_one_is_asked_about:
    when: [{question: {asked: {text: "refund $5", customer: 7}, customer: {found: false}, helper: explain}}]
    then: {verdicts: [answered], booked: {reply: [{intent: explain}]}, asked: {helper: 1}}
  a_database_that_is_late_is_unknown:
    when: [{question: {asked: {text: "refund", customer: 7}, customer: late}}]
    then: {asked: {helper: 1}, verdicts: {}}
  nobody_answers:
    when: [{question: {asked: {text: "refund", customer: 7}, intent: unknown}}, {wait: 130s}]
    then: {verdicts: [undecided], booked: {desk: 1}}
  the_daemon_ends_while_a_person_thinks:
    when:
      - {question: {asked: {text: "refund", customer: 7}, intent: {score: 0.1}, helper: refund}, every: 100ms}
      - restart: 10s
    then: {verdicts: [answered], booked: {reply: [{intent: refund}]}}
"""


def cases(text: str, plan: PipelinePlan) -> tuple[tuple[Case, ...], list[str]]:
    """Return the cases of a text, and what is wrong with it."""
    problems = Problems()
    found = read_cases(text.encode(), plan, problems.file("desk.yaml")).cases
    return found, [str(one) for one in problems.ordered()]


def test_the_shipped_bundle_holds_its_cases_and_they_see_and_notice_nearly_all_of_it() -> None:
    loaded = load(BUNDLE)
    result = run(loaded)
    found = mutate(loaded)

    assert [one.failures for one in result.outcomes if not one.passed] == []
    assert min(result.coverage.shares().values()) >= 0.95
    assert found.killed / found.made >= 0.9, found.survivors


def test_questions_are_told_with_the_answers_of_models_databases_and_people() -> None:
    found, problems = cases(DESK, service())
    outcomes = [run_case(case, service()) for case in found]

    assert problems == []
    assert [(one.case.name, one.failures) for one in outcomes if one.failures] == []
    assert len(outcomes) == 5


def test_studies_that_begin_with_a_picture_are_told_like_parts() -> None:
    text = """
ripieno: 1
usual: {answers: {look: {label: normal}, closer: {label: normal}, patient: {age: 4}, doctor: sign}}
cases:
  a_child_that_looks_ill_is_looked_at_closer:
    when: [{study: {scans: {key: patient-17}, look: {label: pneumonia}, closer: {label: pneumonia}}}]
    then: {verdicts: [reported], booked: {report: [{finding: pneumonia, closer: pneumonia, name: patient-17}]}}
  a_dark_picture_is_still_shown_to_a_doctor:
    when: [{study: {scans: dark}}]
    then: {asked: {doctor: 1}, booked: {report: [{finding: unknown}]}, alarms: [picture-dark]}
"""
    found, problems = cases(text, clinic())

    assert problems == []
    assert [run_case(case, clinic()).failures for case in found] == [(), ()]


def test_a_pipeline_that_takes_unknown_for_true_fails_its_cases() -> None:
    """The negative control: the branch of the unknown is the one that answers."""
    route = replace(service().flow[2], unknown="answer")  # type: ignore[arg-type]
    plan = service(flow=(*service().flow[:2], route, service().flow[3]))
    failed = [case.name for case in cases(DESK, plan)[0] if not run_case(case, plan).passed]

    assert "nobody_answers" in failed and "a_known_customer_is_answered" not in failed


def test_what_no_case_has_seen_is_named() -> None:
    plan = service()
    coverage = Coverage(plan)
    run_case(cases(DESK, plan)[0][0], plan, coverage)

    missing = coverage.missing()
    assert "timers: within of helper: due" in missing
    assert "unknown_paths: customer: no answer" in missing
    assert 0 < coverage.shares()["conditions"] < 1


def test_each_mutant_differs_in_one_place_and_says_which() -> None:
    mutants = list(mutants_of(service()))

    assert len({(one.where, one.what) for one in mutants}) == len(mutants) > 15
    assert all(one.plan != service() for one in mutants)


@pytest.mark.parametrize(
    ("line", "wrong", "place", "message"),
    [
        (6, "    whem: [{question: {}}]", "6:5", "unknown key 'whem'"),
        (6, "    when: [{qestion: {}}]", "6:13", "'qestion' does not happen"),
        (
            6,
            "    when: [{question: {intend: unknown}}]",
            "6:24",
            "there is no step, output or input of a question 'intend'",
        ),
        (6, "    when: [{wait: 10}]", "6:19", "wants a duration"),
        (6, "    when: [{question: {}, times: 0}]", "6:34", "should be a whole number"),
        (7, "    then: {verdict: [answered]}", "7:12", "there is no check 'verdict'"),
        (7, "    then: {booked: {replies: 1}}", "7:21", "there is no output 'replies'"),
        (6, "    when: [{question: {asked: {txt: hi}}}]", "6:32", "has no field 'txt' (did you mean 'text'?)"),
        (6, "    when: [{question: {asked: {customer: x}}}]", "6:42", "should be a number, or unknown"),
        (6, "    when: [{question: {intent: {lable: refund}}}]", "6:33", "no field 'lable' (did you mean 'label'?)"),
        (6, "    when: [{question: {intent: {label: refnd}}}]", "6:40", "model 'intent' never says 'refnd' (did you"),
        (6, "    when: [{question: {intent: {score: high}}}]", "6:40", "should be a number, or unknown"),
        (6, "    when: [{question: {intent: lat}}]", "6:32", "is not an answer of 'intent' (did you mean 'late'?)"),
        (6, "    when: [{question: {customer: {nam: Ada}}}]", "6:35", "has no field 'nam' (did you mean 'name'?)"),
        (6, "    when: [{question: {helper: explian}}]", "6:32", "is not an answer of 'helper' (did you mean 'expl"),
        (6, "    when: [{question: {way: {branch: person}}}]", "6:24", "'way' is worked out, nothing answers for it"),
        (6, "    when: [{question: {}, times: many}]", "6:34", "should be a whole number from 1"),
        (6, "    when: [{question: {times: 3}}]", "6:24", "'times' is no step, output or input of a question (it"),
        (7, "    then: {verdicts: answerd}", "7:22", "nothing is ever 'answerd' (did you mean 'answered'?)"),
        (7, "    then: {booked: {reply: many}}", "7:28", "should be how many, or a list of"),
        (7, "    then: {fired: {answer: x}}", "7:28", "should be a whole number, how often"),
        (7, "    then: {alarms: 3}", "7:20", "should be a mapping of keys to values (got 3)"),
        (7, "    then: {asked: [helper]}", "7:19", "should be a mapping of keys to values"),
        (7, "    then: {acts: {reply: 1}}", "7:19", "is not told here: 'reply' is another kind of output"),
    ],
)
def test_a_mistake_in_a_case_is_told_with_its_place(line: int, wrong: str, place: str, message: str) -> None:
    lines = DESK.splitlines()
    lines[line - 1] = wrong
    _, problems = cases("\n".join(lines), service())

    assert any(one.startswith(f"desk.yaml:{place}: ") and message in one for one in problems), problems


def test_a_case_that_does_not_say_what_a_step_answers_is_told_wrong(tmp_path: Path) -> None:
    text = DESK.replace("usual: {answers: {intent: {label: refund, score: 0.9}, ", "usual: {answers: {")
    (found, *_), _ = cases(text, service())
    outcome = run_case(found, service())

    assert outcome.is_told_wrong and "intent: was asked" in outcome.failures[0]


def test_a_case_that_does_not_hold_is_exit_1_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for path in ("pipeline.yaml", "manifest.json"):
        (bundle / path).write_bytes((BUNDLE / path).read_bytes())
    (bundle / "models").symlink_to((BUNDLE / "models").resolve())
    (bundle / "golden").symlink_to((BUNDLE / "golden").resolve())
    (bundle / "cases").mkdir()
    told = "ripieno: 1\nusual: {answers: {look: {label: over, score: 1}}}\n"
    told += "cases:\n  one: {when: [{part: {}}], then: {acts: {gate: 1}}}\n"
    (bundle / "cases" / "one.yaml").write_text(told)
    code = main(["test", str(bundle), "--json", "-"])
    report = json.loads(capsys.readouterr().out)

    assert code == 1
    assert report["failures"][0]["why"][0].endswith("acts of gate: 1 expected, 0 came")


def test_a_bundle_without_cases_is_called_wrongly(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no case has 'no_such' in its name"):
        load(BUNDLE, "no_such")


def test_sensors_read_at_one_moment_and_again() -> None:
    text = """
ripieno: 1
usual: {every: 100ms}
cases:
  two_of_three_agree:
    when: [{reading: {spindle: {load: 90, speed: 3000}, scale: {mass: 5}}, times: 3}]
    then: {booked: {tasks: 1}}
"""
    plan = machine(rules=(rule("heavy", when=And((LOADED, WEIGHED)), do=(BookingEffect("tasks", "look", ()),)),))
    found, problems = cases(text, plan)

    assert problems == []
    assert run_case(found[0], plan).failures == ()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            "reading: {spindle: {load: 90}, scal: {mass: 5}}",
            "6:41: cases.a.when.0.reading: there is no reading input 'scal' (did",
        ),
        ("reading: {}", "there is no reading input ''"),
        ("reading: {spindle: {load: 90}, scale: {mas: 5}}", "has no field 'mas' (did you mean 'mass'?)"),
    ],
)
def test_a_mistake_among_several_sensors_is_told(wrong: str, message: str) -> None:
    head = "ripieno: 1\nusual: {every: 100ms}\ncases:\n  a:\n    when:\n"
    text = f"{head}      - {{{wrong}}}\n    then: {{booked: {{tasks: 1}}}}\n"
    _, problems = cases(text, machine())

    assert any(message in one for one in problems), problems
