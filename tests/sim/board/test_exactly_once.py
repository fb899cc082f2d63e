"""No act happens twice, and what the board says of one is true (docs/link-protocol.md, section 5)."""

import pytest
from sim.bench import Bench, CutAt, gate

from ripieno_sim.board import Journal, Step
from ripieno_sim.board.journal import RING
from ripieno_sim.codec import Act, Cancel, Cause, Done, Query, Status, Trigger, Type, args_crc
from ripieno_sim.seeds import stream


def test_an_act_runs_once_and_its_answer_carries_time_count_and_digest() -> None:
    bench = Bench()
    bench.connect()
    act = gate(1)
    bench.tell(Type.ACT, act)
    at_us = bench.now_us

    told = bench.told(1)
    assert bench.machine.done[0] == (0, 1, 1, at_us)
    assert told == Done(
        1, Status.DONE, args_crc(act), bench.board.orders.clock.at(at_us), bench.machine.count_at(at_us)
    )


def test_the_same_act_again_is_answered_from_memory() -> None:
    bench = Bench()
    bench.connect()
    bench.tell(Type.ACT, gate(1))
    first = bench.told(1)
    bench.run(50_000)
    bench.tell(Type.ACT, gate(1))

    assert bench.statuses(1) == [Status.DONE, Status.DONE]
    assert bench.told(1) == first
    assert bench.machine.pulses(1) == 1


def test_the_same_frame_again_is_acknowledged_and_ignored() -> None:
    bench = Bench()
    bench.connect()
    seq = bench.seq
    bench.tell(Type.ACT, gate(1))
    bench.tell(Type.ACT, gate(1), seq=seq)

    assert bench.statuses(1) == [Status.DONE]
    assert bench.machine.pulses(1) == 1


def test_an_id_below_the_last_one_never_runs() -> None:
    bench = Bench()
    bench.connect()
    bench.tell(Type.ACT, gate(10))
    bench.tell(Type.ACT, gate(5))
    bench.run(200_000)

    assert bench.told(5) == Done(5, Status.NONE, 0, 0, 0)
    assert bench.machine.pulses(5) == 0


def test_a_known_id_with_other_arguments_is_a_mismatch_with_the_stored_digest() -> None:
    bench = Bench()
    bench.connect()
    bench.tell(Type.ACT, gate(1))
    bench.tell(Type.ACT, gate(1, hold_ms=200))

    assert bench.told(1).status == Status.MISMATCH
    assert bench.told(1).args_crc == args_crc(gate(1))
    assert bench.machine.pulses(1) == 1


def test_refusals_are_remembered_too() -> None:
    bench = Bench()
    bench.connect(armed=0)
    bench.tell(Type.ACT, gate(1))
    bench.run(10_000)
    bench.connect(armed=1)
    bench.tell(Type.ACT, gate(1))

    assert bench.statuses(1) == [Status.SAFE, Status.SAFE]
    assert bench.machine.pulses(1) == 0


@pytest.mark.parametrize(
    ("step", "status", "pulses"),
    [
        (Step.ACCEPTED, Status.CANCELLED, 0),
        (Step.BEFORE_PIN, Status.IN_DOUBT, 0),
        (Step.AFTER_PIN, Status.IN_DOUBT, 1),
        (Step.AFTER_DONE, Status.DONE, 1),
    ],
)
def test_a_warm_reset_at_any_step_leaves_an_honest_answer(step: Step, status: Status, pulses: int) -> None:
    bench = Bench(hooks=CutAt(step))
    epoch = bench.connect().journal_epoch
    bench.tell(Type.ACT, gate(1))
    welcome = bench.connect()
    bench.tell(Type.QUERY, Query(1))
    bench.tell(Type.ACT, gate(1))
    bench.run(300_000)

    assert (welcome.journal_epoch, welcome.last_cmd_id) == (epoch, 1)
    assert bench.statuses(1) == [status, status]
    assert bench.machine.pulses(1) == pulses
    assert bench.board.orders.pins.mask() == 0


def test_a_cold_reset_begins_another_epoch_and_counts_anew() -> None:
    bench = Bench()
    first = bench.connect()
    bench.tell(Type.ACT, gate(7))
    bench.board.reset(bench.now_us, Cause.POWER, keep_ram=False)
    second = bench.connect()

    assert second.journal_epoch != first.journal_epoch
    assert second.boot_id != first.boot_id
    assert (second.last_cmd_id, second.edges, second.reset_cause) == (0, 0, Cause.POWER)
    assert second.position < first.position + 100


def test_forgotten_is_told_apart_from_never_accepted() -> None:
    bench = Bench()
    bench.connect()
    for cmd_id in range(2, 2 * RING + 6, 2):
        bench.tell(Type.ACT, gate(cmd_id, late=65535))
        bench.run(1_000, beat=False)
    for cmd_id in (2, 3, 4, 5, 6, 7, 8, 9, 10_000):
        bench.tell(Type.QUERY, Query(cmd_id))
        bench.run(1_000, beat=False)

    answers = {cmd_id: bench.told(cmd_id).status for cmd_id in (2, 3, 4, 5, 6, 7, 8, 9, 10_000)}
    assert {cmd_id for cmd_id, status in answers.items() if status == Status.FORGOTTEN} == {2, 3, 4}
    assert {cmd_id for cmd_id, status in answers.items() if status == Status.NONE} == {5, 7, 9, 10_000}
    assert {answers[6], answers[8]} == {Status.DONE}


def test_an_answer_that_still_waits_is_never_overwritten() -> None:
    journal = Journal(None, stream(1, "journal"))
    journal.accept(1, Status.PENDING, 11)
    for cmd_id in range(2, 3 * RING):
        journal.note(journal.accept(cmd_id, Status.PENDING, 0), Status.DONE)

    entry = journal.find(1)
    assert entry is not None
    assert entry.status == Status.PENDING


def test_a_damaged_entry_makes_ids_without_an_answer_unknown() -> None:
    journal = Journal(None, stream(1, "journal"))
    for cmd_id in (1, 3, 5):
        journal.accept(cmd_id, Status.DONE, 0)
    entry = journal.find(3)
    assert entry is not None
    journal.ram[journal.ram.index(b"\x03\0\0\0\x02")] ^= 0x10
    restored = Journal(journal.ram, stream(2, "journal"))

    assert (restored.survived, restored.damaged, restored.epoch) == (True, 1, journal.epoch)
    assert restored.find(3) is None
    assert restored.unknown(3) is restored.unknown(2) is Status.FORGOTTEN
    assert restored.find(5) is not None
    assert restored.unknown(6) is Status.NONE


def test_a_new_session_takes_back_what_waits_and_the_old_one_is_deaf() -> None:
    bench = Bench()
    bench.connect()
    bench.tell(Type.ACT, gate(1, Trigger.TIME, at=bench.board.orders.clock.at(bench.now_us) + 200_000))
    bench.connect(armed=0)
    bench.tell(Type.QUERY, Query(1))
    bench.run(400_000)

    assert bench.told(1).status == Status.CANCELLED
    assert bench.machine.pulses(1) == 0


def test_a_stale_hello_does_not_kill_a_live_session() -> None:
    bench = Bench()
    bench.connect()
    bench.hello()
    bench.tell(Type.ACT, gate(1))

    assert bench.told(1).status == Status.DONE


def test_the_same_nonce_gets_the_same_answer() -> None:
    bench = Bench()
    bench.run(5_000)
    first = bench.hello()
    bench.run(30_000)
    bench.nonce -= 1

    assert bench.hello() == first


def test_cancel_takes_back_what_waits_and_reports_what_ran() -> None:
    bench = Bench()
    bench.connect()
    bench.tell(Type.ACT, gate(1, Trigger.COUNT, at=10_000_000))
    bench.tell(Type.QUERY, Query(1))
    bench.tell(Type.CANCEL, Cancel(1))
    bench.tell(Type.ACT, gate(2))
    bench.tell(Type.CANCEL, Cancel(2))

    assert bench.statuses(1) == [Status.PENDING, Status.CANCELLED]
    assert bench.statuses(2) == [Status.DONE, Status.DONE]


@pytest.mark.parametrize(
    "act",
    [
        gate(1, value=2),
        gate(1, value=-1),
        gate(1, hold_ms=0),
        gate(1, hold_ms=2001),
        gate(1, target=0x3F),
        gate(1, target=0xC0),
        gate(1, target=1),
    ],
)
def test_arguments_outside_the_channels_limits_are_refused(act: Act) -> None:
    bench = Bench()
    bench.connect()
    bench.tell(Type.ACT, act)

    assert bench.told(1).status == Status.REFUSED
    assert bench.machine.done == []


def test_a_full_queue_refuses_and_remembers_it() -> None:
    bench = Bench()
    bench.connect()
    for cmd_id in range(1, 34):
        bench.tell(Type.ACT, gate(cmd_id, Trigger.COUNT, at=10_000_000))

    assert bench.statuses(33) == [Status.FULL]
    assert all(bench.statuses(cmd_id) == [] for cmd_id in range(1, 33))
