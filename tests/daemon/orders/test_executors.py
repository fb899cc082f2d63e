"""What needs no app: the daemon's last words, and questions that a command of `ripieno` answers in its own process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from daemon.fleet.virtual import VirtualClock, run

from ripieno.errors import RipienoError
from ripieno_daemon.orders.executors import MAX_OUTPUT_BYTES, Asked, NotDone, Safe, Said, Status

BUNDLE = Path(__file__).resolve().parents[3] / "pipelines/bundles/quality-control"


def ask(executor: Any, **args: Any) -> Any:
    return asyncio.run(executor(args, lambda _text: None))


def test_check_says_what_is_wrong_in_a_file(tmp_path: Path) -> None:
    device = tmp_path / "device.yaml"
    device.write_text("ripieno: 1\ndevice: {id: 5}\n")
    answer = ask(Asked.check(str(device)))

    assert answer["code"] == 1
    assert "device.id" in {problem["path"] for problem in answer["answer"]["errors"]}
    assert ask(Asked.check(str(BUNDLE))) == {"code": 0, "answer": {"path": str(BUNDLE), "errors": []}}


def test_why_answers_from_the_ledger_or_says_that_there_is_none(tmp_path: Path) -> None:
    answer = ask(Asked.why(str(tmp_path)), id="part 1")

    assert answer == {"code": 2, "answer": {"error": f"{tmp_path}: no ledger here"}}


def test_a_word_from_outside_is_never_an_option(tmp_path: Path) -> None:
    with pytest.raises(NotDone, match="is no name"):
        ask(Asked.why(str(tmp_path)), id="--help")


def test_a_command_that_dies_is_told_with_its_last_words() -> None:
    with pytest.raises(RipienoError, match=r"ended with status 2.*no command 'whence'"):
        ask(Asked(lambda _args: ["whence"]))


def test_the_last_words_are_kept_in_their_order_and_as_many_as_fit() -> None:
    said: list[str] = []
    ring = Said(VirtualClock(), said.append, lines=300)

    async def body() -> tuple[Any, Any]:
        for number in range(400):
            ring(f"line {number} " + "x" * 1000)
        return await ring.logs({"lines": 2}, said.append), await ring.logs({"lines": 1000}, said.append)

    two, most = run(body())
    assert [text.split(" x")[0] for _, text in two["lines"]] == ["line 398", "line 399"]
    assert 100 < len(most["lines"]) < 150 and sum(len(text) for _, text in most["lines"]) < MAX_OUTPUT_BYTES
    assert len(said) == 400


def test_status_and_safe_call_what_they_were_given() -> None:
    said: list[str] = []

    assert ask(Status(lambda: {"parts": 3})) == {"parts": 3}
    assert ask(Safe(said.append)) == {} and said == ["asked for from afar"]
