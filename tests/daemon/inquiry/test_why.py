"""What led to a decision, and what kept a rule from acting, with the values that the record has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from daemon.inquiry.runs import decisions, run

from ripieno_daemon.cli import CALLED_WRONGLY, NO, OK, main
from ripieno_daemon.inquiry import CannotAnswer, opened
from ripieno_daemon.inquiry.telling import tell, tell_block
from ripieno_daemon.inquiry.why import why
from ripieno_daemon.inquiry.why_not import why_not
from ripieno_sim.plant.picture import render


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("plain") / "state")


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("killed") / "state", parts=100, seed=21, kills=4)


def asked(state: Path, words: str) -> dict[str, Any]:
    with opened(state) as past:
        return why(past, words)


def asked_not(state: Path, rule: str, words: str) -> dict[str, Any]:
    with opened(state) as past:
        return why_not(past, rule, words)


def some(state: Path, **wanted: object) -> dict[str, Any]:
    """Return the first decision with these fields."""
    return next(b for b in decisions(state).values() if all(b.get(name) == value for name, value in wanted.items()))


def test_a_part_that_was_let_through_has_a_whole_chain(plain: Path) -> None:
    body = some(plain, verdict="good")
    answer = asked(plain, body["id"])
    decision, act = answer["decision"], answer["acts"][0]

    assert (answer["verdict"], answer["closed"]["way"]) == ("good", "passed")
    assert answer["edge"]["number"] == int(body["id"].rpartition("-")[2])
    assert answer["pictures"][0]["shown_to_model"] and answer["answers"][0]["label"] == "normal"
    assert answer["answers"][0]["picture_digest"] == body["picture_digest"]
    assert decision["rule"]["source"].startswith("pipeline.yaml:")
    assert [term["is"] for term in decision["terms"]["terms"]] == ["true", "true"]
    assert decision["terms"]["terms"][1]["margin"] == pytest.approx(answer["answers"][0]["score"] - 0.5)
    assert (act["command"], act["outcome"]["kind"]) == ("gate.open", "executed")
    assert act["outcome"]["position_mm"] == pytest.approx(act["begin_mm"], abs=8)
    times = [one["t_s"] for one in (answer["edge"], answer["pictures"][0], answer["answers"][0], act["outcome"])]
    assert times == sorted(times)


def test_a_diverted_part_tells_the_false_term_and_its_booking(plain: Path) -> None:
    answer = asked(plain, some(plain, verdict="defective")["id"])
    booking = answer["bookings"][0]

    assert [term["is"] for term in answer["decision"]["terms"]["terms"]] == ["false", "true"]
    assert (booking["command"], booking["rule"], booking["outcome"]["kind"]) == ("stock.scrap", "scrap", "executed")
    assert booking["fields"] == {"reason": answer["answers"][0]["label"]}
    assert "none: without one the part is diverted" in tell(answer)


def test_a_shortened_name_is_enough_where_it_names_one(plain: Path) -> None:
    id = next(b["id"] for b in decisions(plain).values() if b["id"].endswith("-12"))

    assert {asked(plain, words)["id"] for words in (id, "12", "part 12", "part-...-12")} == {id}
    with pytest.raises(CannotAnswer, match="may be 60 decisions"):
        asked(plain, "part-...")
    with pytest.raises(CannotAnswer, match="no decision is called"):
        asked(plain, "part 999")


def test_a_rule_over_time_tells_its_window_and_its_trial(plain: Path) -> None:
    change = some(plain, what="changed", rule="trim_up")
    answer = asked(plain, change["id"])

    assert (answer["before"], answer["after"], answer["rule"]["name"]) == (100, 105, "trim_up")
    assert answer["terms"]["is"] == "true" and answer["terms"]["margin"] > 0
    under = answer["windows"][0]
    assert under["value"] == sum(value is True for _, value in under["samples"]) / under["known"]
    assert answer["held_since"]["t_s"] <= answer["t_s"]
    assert answer["judged"]["what"] == "verified"

    judgement = asked(plain, answer["judged"]["id"])
    assert judgement["judges"] == change["id"]


def test_every_decision_of_a_run_with_kills_can_be_asked_for(killed: Path) -> None:
    """Every tenth, and the values agree with what is recorded."""
    for body in list(decisions(killed).values())[::10]:
        answer = asked(killed, body["id"])
        assert tell(answer).startswith(body["id"])
        if "verdict" in body:
            assert [[*one.values()] for one in answer["decision"]["operands"]] == body["operands"]


def test_a_picture_that_is_none_makes_its_part_unknown_with_the_reason(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for name in ("under", "over"):
        (pictures / f"{name}.png").write_bytes(render({"under": 0.7, "over": 1.4}[name], 1))
    (pictures / "normal.png").write_bytes(b"\x89PNG no picture")
    (pictures / "labels.csv").write_text("file,class\nunder.png,under\nover.png,over\nnormal.png,normal\n")
    state = run(tmp_path / "state", images=pictures)
    answer = asked(state, some(state, verdict="undecided", rule="pass")["id"])
    not_passed = asked_not(state, "pass", answer["id"])

    assert answer["answers"][0]["health"] != "good" and not answer["answers"][0]["used"]
    assert {term["is"] for term in answer["decision"]["terms"]["terms"]} == {"unknown"}
    assert answer["answers"][0]["why"] in answer["decision"]["terms"]["terms"][0]["why"]
    assert not_passed["blocked"] and not_passed["blocks"][0]["why"]


def test_why_not_names_the_term_and_what_it_is_short_of(plain: Path) -> None:
    change = asked(plain, some(plain, what="changed", rule="trim_up")["id"])
    early = asked_not(plain, "trim_up", f"{change['t_s'] - 0.3:.3f}")
    other = asked_not(plain, "trim_down", f"{change['t_s'] + 0.01:.3f}")

    assert "known samples are in the window, at least 10 are needed" in early["blocks"][0]["text"]
    assert other["blocks"][0]["what"] == "condition" and other["blocks"][0]["margin"] < -0.2
    assert (other["blocks"][1]["what"], other["blocks"][1]["by"]) == ("trial", "trim_up")


def test_why_not_tells_cooldown_and_trial(plain: Path) -> None:
    change = asked(plain, some(plain, what="changed", rule="trim_up")["id"])
    answer = asked_not(plain, "trim_up", f"{change['t_s'] + 1:.3f}")
    blocks = {one["what"]: one for one in answer["blocks"]}

    assert answer["terms"]["is"] == "true"
    assert blocks["cooldown"]["left_s"] == pytest.approx(0.5, abs=0.01)
    assert 0 < blocks["trial"]["left_items"] <= 20
    assert "0.5" in tell_block(answer)


def test_why_not_takes_a_time_of_day(plain: Path) -> None:
    change = asked(plain, some(plain, what="changed", rule="trim_up")["id"])

    assert asked_not(plain, "trim_up", change["wall"])["t_s"] == pytest.approx(change["t_s"], abs=0.002)


def test_why_not_says_when_no_daemon_ran(killed: Path) -> None:
    with opened(killed) as past:
        from ripieno.engine import Started, unpack_event

        events = [unpack_event(row.payload or b"") for row in past.rows() if row.kind == "event"]
    start = next(event for event in events if isinstance(event, Started) and event.gap_ns > 100_000_000)
    answer = asked_not(killed, "trim_up", f"{(start.t - start.gap_ns // 2) / 1e9:.3f}")

    assert answer["blocks"][0]["what"] == "down"


def test_why_not_for_an_item_that_the_rule_did_act_on(plain: Path) -> None:
    good = some(plain, verdict="good")["id"]

    assert not asked_not(plain, "pass", good)["blocked"]
    assert asked_not(plain, "scrap", good)["blocks"][0]["what"] == "way"


def test_the_commands_answer_people_and_programs(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = ["--state", str(plain)]

    assert main(["why", "12", *state]) == OK
    assert "edge " in capsys.readouterr().out
    assert main(["why", "12", *state, "--json", "-"]) == OK
    assert json.loads(capsys.readouterr().out)["item"].endswith("-12")
    assert main(["why-not", "pass", "--at", some(plain, verdict="good")["id"], *state]) == NO
    assert main(["why-not", "trim_up", "--at", "3.0", *state, "--json", "-"]) == OK
    assert main(["why-not", "trim", "--at", "3.0", *state]) == CALLED_WRONGLY
    assert "it has pass, trim_down" in capsys.readouterr().out
    assert main(["why-not", "trim_up", "--at", "3000", *state]) == CALLED_WRONGLY
    assert main(["why", "nothing", *state]) == CALLED_WRONGLY
