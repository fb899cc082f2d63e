"""What is recorded can be decided again, exactly; what was changed in the record is named, though the chain fits."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from daemon.inquiry.runs import decisions, forge, run

from ripieno_daemon.cli import CALLED_WRONGLY, NO, OK, main
from ripieno_daemon.inquiry import CannotAnswer, opened, replay
from ripieno_daemon.ledger import verify


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("plain") / "state")


@pytest.fixture
def copy(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain, tmp_path / "copy"))


def answer(state: Path) -> dict[str, Any]:
    with opened(state) as past:
        return replay(past)


def test_every_decision_of_a_run_is_made_again(plain: Path) -> None:
    result = answer(plain)

    assert (result["mismatches"], result["grade"], result["left_out"]) == (0, "L0", [])
    assert result["decisions"] == len(decisions(plain)) > 60


def test_kills_change_nothing(tmp_path: Path) -> None:
    state = run(tmp_path / "state", parts=100, seed=21, kills=4)
    result = answer(state)

    assert result["mismatches"] == 0
    assert result["starts"] >= 3  # one may die before its first record is durable
    assert result["decisions"] == len(decisions(state))


def test_each_plan_decides_its_own_past(tmp_path: Path) -> None:
    state = run(tmp_path / "state", parts=20, runtime="auto")
    run(state, parts=20, runtime="litert")
    run(state, parts=20, runtime="auto")
    result = answer(state)

    assert result["mismatches"] == 0
    assert len(result["plans"]) == 3 and len(set(result["plans"])) == 2
    assert result["decisions"] == len(decisions(state))
    assert trees(state) == 2, "each plan is recorded once"


def trees(state: Path) -> int:
    found = []
    forge(state, "plan", lambda _, body: found.append("tree" in body))
    return sum(found)


def test_a_flipped_verdict_is_found_though_the_chain_fits(copy: Path) -> None:
    record, body = next((id, body) for id, body in decisions(copy).items() if body.get("verdict") == "defective")
    forge(copy, "decision", lambda id, body: {**body, "verdict": "good"} if id == record else None)
    result = answer(copy)

    assert verify(copy / "ledger.sqlite").is_whole
    assert result["mismatches"] == 1
    assert result["flips"] == [{"record": record, "id": body["id"], "recorded": "good", "replayed": "defective"}]
    assert result["differences"][0]["fields"] == ["verdict"]


def test_a_decision_that_was_taken_out_or_put_in_is_found(copy: Path) -> None:
    gone, moved = list(decisions(copy))[3:5]
    with sqlite3.connect(copy / "ledger.sqlite") as connection:
        first_event = min(id for (id,) in connection.execute("SELECT id FROM records WHERE kind = 1"))
        for table in ("records", "payloads"):
            connection.execute(f"DELETE FROM {table} WHERE id = ?", (gone,))
            connection.execute(f"UPDATE {table} SET id = id + 1000 WHERE id >= ?", (first_event,))
            connection.execute(f"UPDATE {table} SET id = ? WHERE id = ?", (first_event, moved + 1000))
    forge(copy, "alarm", lambda _, body: None)
    whys = [one["why"] for one in answer(copy)["differences"]]

    assert whys.count("this event gives a decision that is not recorded") == 2
    assert "no event stands before this decision" in whys


def test_a_changed_score_is_found_in_every_decision_that_it_touches(copy: Path) -> None:
    """The event is changed, not the decision: what follows from it no longer fits what is recorded."""
    good = next(body for body in decisions(copy).values() if body.get("verdict") == "good")
    number = int(good["id"].rpartition("-")[2])

    def weaker(_: int, event: list[Any]) -> list[Any] | None:
        return [*event[:9], 0.1, *event[10:]] if event[0] == 6 and event[4] and event[4][2] == number else None

    forge(copy, "event", weaker)

    flips = answer(copy)["flips"]
    assert (good["id"], "good", "defective") in [(one["id"], one["recorded"], one["replayed"]) for one in flips]


def test_a_ledger_without_its_plan_says_so_and_takes_one(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forge(copy, "plan", lambda _, body: {name: value for name, value in body.items() if name != "tree"})

    assert main(["replay", str(copy)]) == CALLED_WRONGLY
    assert "does not hold the plan" in capsys.readouterr().out
    assert main(["replay", str(copy), "--device", str(copy / "device.yaml")]) == OK
    assert "0 mismatches" in capsys.readouterr().out


def test_a_plan_that_is_not_the_one_it_names_is_refused(copy: Path) -> None:
    forge(copy, "plan", lambda _, body: {**body, "plan": "0" * 64})

    with pytest.raises(CannotAnswer, match="not the one it names"):
        answer(copy)


def test_erased_payloads_are_told_and_replay_goes_on_behind_them(tmp_path: Path) -> None:
    """A snapshot stands behind whatever may be erased."""
    state = run(tmp_path / "state", parts=20)
    run(state, parts=20)  # the end of the first run left a snapshot
    with sqlite3.connect(state / "ledger.sqlite") as connection:
        connection.execute("DELETE FROM payloads WHERE id BETWEEN 10 AND 40")
        connection.execute("UPDATE records SET payload_digest = zeroblob(32) WHERE id BETWEEN 10 AND 40")
    result = answer(state)

    assert result["mismatches"] == 0
    assert result["left_out"][0]["why"] == "payloads were erased"


def test_the_command_names_the_record_and_ends_with_1(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = next(iter(decisions(copy)))
    forge(copy, "decision", lambda id, body: {**body, "verdict": "undecided"} if id == record else None)

    assert main(["replay", str(copy), "--json", "-"]) == NO
    assert json.loads(capsys.readouterr().out)["flips"][0]["record"] == record
    assert main(["replay", str(copy)]) == NO
    assert f"MISMATCH record {record}: part-" in capsys.readouterr().out
    assert main(["replay", str(copy / "nothing")]) == CALLED_WRONGLY


def test_a_record_that_a_changed_log_cuts_short_is_no_whole_answer(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A killed daemon leaves a write-ahead log; behind a changed byte of it SQLite reads nothing, without a word."""
    connection = sqlite3.connect(copy / "ledger.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    for number in range(3):
        connection.execute("INSERT INTO meta VALUES (?, 'x')", (f"a write {number}",))
    killed = copy.parent / "killed"
    shutil.copytree(copy, killed)
    connection.close()

    assert main(["replay", str(killed)]) == OK
    log = bytearray((killed / "ledger.sqlite-wal").read_bytes())
    log[32 + 24 + 5] ^= 1
    (killed / "ledger.sqlite-wal").write_bytes(log)
    capsys.readouterr()

    assert main(["replay", str(killed)]) == NO
    assert "CUT SHORT ledger.sqlite-wal, byte 32: does not fit, and" in capsys.readouterr().out
