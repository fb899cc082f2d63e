"""Deaths are counted for each model; waits grow and shrink."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno.errors import WorkerLost
from ripieno_daemon.workers import wire
from ripieno_daemon.workers.quarantine import RETRY_S, Ladder, Quarantine


def test_the_third_death_within_a_minute_puts_out() -> None:
    quarantine = Quarantine()

    assert [quarantine.died("m", at, "x") for at in (0.0, 30.0, 59.0, 60.0)] == [False, False, True, False]
    assert quarantine.why_out("m") is not None and quarantine.why_out("n") is None
    quarantine.release("m")
    assert quarantine.why_out("m") is None


def test_deaths_that_are_far_apart_do_not() -> None:
    quarantine = Quarantine()

    assert not any(quarantine.died("m", at, "x") for at in (0.0, 31.0, 62.0, 93.0))


def test_waits_grow_to_the_last_rung_and_start_again_after_one_that_held() -> None:
    ladder = Ladder()

    assert [ladder.next_wait_s(0.0) for _ in range(7)] == [*RETRY_S, RETRY_S[-1], RETRY_S[-1]]
    assert ladder.next_wait_s(61.0) == RETRY_S[0]


messages = st.lists(
    st.lists(st.one_of(st.integers(0, 9), st.text(max_size=5), st.binary(max_size=9)), min_size=1), max_size=5
)


@given(sent=messages, data=st.data())
def test_messages_survive_however_the_socket_splits_them(sent: list[list[object]], data: st.DataObject) -> None:
    line, decoder = b"".join(map(wire.encode, sent)), wire.Decoder()
    received: list[list[object]] = []
    while line:
        cut = data.draw(st.integers(1, len(line)))
        received += decoder.feed(line[:cut])
        line = line[cut:]

    assert received == sent


@given(noise=st.binary(max_size=60))
def test_noise_on_the_socket_is_a_lost_worker_or_nothing(noise: bytes) -> None:
    outcome = "nothing"
    try:
        messages = list(wire.Decoder().feed(noise))
        assert all(isinstance(message, list) for message in messages)
    except WorkerLost:
        outcome = "lost"

    assert outcome in ("nothing", "lost"), "any other exception would have ended the control process"


def test_an_announced_length_is_bounded() -> None:
    with pytest.raises(WorkerLost, match="at most"):
        list(wire.Decoder().feed(b"\xff\xff\xff\xff"))
