"""A pulse by hand leaves when the record of who wanted it is durable, soon or never; what waits is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from daemon.conducting.test_booking_waits import NoIntents
from daemon.conducting.test_modes import plan
from drivers.virtual import LoopClock, run

from ripieno.errors import CommandRefused, StorageError
from ripieno.plan import joined
from ripieno.values import Act, Outcome, OutcomeKind, Pulse, Setpoint
from ripieno_daemon.conducting.conductor import Conductor
from ripieno_daemon.conducting.mode_desk import Change, ModeDesk
from ripieno_daemon.conducting.mode_file import FILE_BYTES, ModeFile
from ripieno_daemon.conducting.standstill import Standstill
from ripieno_daemon.conducting.timeline import Timeline
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.ports import InlineStorage, SystemEntropy


class Board:
    """Does pulses after `takes_s`, and notes what was durable when each came."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.takes_s = 0.0
        self.fired: list[tuple[Act, int]] = []
        self.withdrawn: list[Act] = []
        self.levels: list[float] = []

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        self.fired.append((pulse.act, self._ledger.head()[0]))
        await asyncio.sleep(self.takes_s)
        gone = pulse.act in self.withdrawn
        return Outcome(
            pulse.act, OutcomeKind.NOT_EXECUTED if gone else OutcomeKind.EXECUTED, "withdrawn" if gone else ""
        )

    def withdraw(self, act: Act) -> None:
        self.withdrawn.append(act)

    def set(self, setpoint: Setpoint) -> None:
        self.levels.append(setpoint.value)

    def rearm(self) -> None:
        """Nothing to arm."""


Work = Callable[[Conductor, Ledger, Board], Awaitable[Any]]


def line(folder: Path, work: Work, told: list[Change] | None = None) -> Any:
    """Run a conductor with modes over a real ledger on a disk that takes 50 ms."""

    async def main() -> Any:
        clock: Any = LoopClock()
        nothing: Any = None
        storage = InlineStorage(folder, clock, lambda name: 0.05)
        ledger = await Ledger.open(storage.database("ledger.sqlite"), clock, SystemEntropy(), group_ms=250)
        intents: Any = NoIntents()
        timeline = Timeline(clock)
        whole = plan()
        conductor = Conductor(joined(whole), "d" * 64, ledger, intents, timeline, nothing, lambda _: None, clock)
        ledger.on_commit = conductor.committed
        board: Any = Board(ledger)
        conductor.bind({"gate": board, "flow": board}, {"gate": "board", "flow": "board"})
        conductor.obey(Standstill(storage.append_file("standstill", 4096)), lambda held: None)
        file, changes = ModeFile(storage.append_file("modes", FILE_BYTES)), [] if told is None else told
        conductor.modes = ModeDesk(whole, file, "one", timeline, conductor.outputs, conductor, changes.append)
        async with asyncio.TaskGroup() as group:
            conductor.begin(set())
            parts = [group.create_task(ledger.run()), group.create_task(conductor.run())]
            await asyncio.sleep(1)
            found = await work(conductor, ledger, board)
            for part in parts:
                part.cancel()
        await ledger.close()
        return found

    return run(main())


async def pulsed(conductor: Conductor, ledger: Ledger, board: Board) -> tuple[int, int]:
    """Return the record of the wish, and what was durable when the board was asked."""
    assert conductor.modes is not None
    said = await conductor.modes.manual("gate", "pulse", 60.0, "ada", "")
    assert "executed" in said
    return ledger.next_id - 2, board.fired[0][1]


def test_it_leaves_when_the_record_of_who_wanted_it_is_durable(tmp_path: Path) -> None:
    record, durable = line(tmp_path, pulsed)

    assert durable >= record > 0


def test_negative_control_without_the_wait_it_leaves_before(tmp_path: Path) -> None:
    async def hasty(self: Conductor, effect: Any, record: int) -> None:
        await self._outputs.fire(effect)

    with mock.patch.object(Conductor, "_by_hand", hasty):
        record, durable = line(tmp_path, pulsed)

    assert durable < record


def test_on_a_disk_that_takes_no_record_it_is_not_done_then_nor_later(tmp_path: Path) -> None:
    async def work(conductor: Conductor, ledger: Ledger, board: Board) -> tuple[int, str]:
        assert conductor.modes is not None
        commit, ledger.on_commit = ledger.on_commit, lambda last_id: None
        with pytest.raises(CommandRefused) as refused:
            await conductor.modes.manual("gate", "pulse", 60.0, "ada", "")
        ledger.on_commit = commit
        commit(ledger.head()[0])
        await asyncio.sleep(5)
        return len(board.fired), str(refused.value)

    fired, why = line(tmp_path, work)

    assert fired == 0
    assert "not durable" in why


@pytest.mark.parametrize("end", ["observe", "bypass", "safe", "auto"])
def test_one_that_waits_at_the_board_is_taken_back_when_the_output_is_somebody_elses(tmp_path: Path, end: str) -> None:
    async def work(conductor: Conductor, ledger: Ledger, board: Board) -> tuple[int, list[Act]]:
        modes = conductor.modes
        assert modes is not None
        board.takes_s = 0.8
        waiting = asyncio.create_task(modes.manual("gate", "pulse", 60.0, "ada", ""))
        await asyncio.sleep(0.6)
        assert len(board.fired) == 1
        match end:
            case "observe":
                await modes.observe("", "bob", "")
            case "bypass":
                await modes.bypass("gate", 60.0, "bob", "")
            case "safe":
                await conductor.make_safe("bob", "")
            case _:
                await modes.auto("gate", "bob", "")
        with pytest.raises(CommandRefused, match="withdrawn"):
            await waiting
        return len(board.fired), board.withdrawn

    fired, withdrawn = line(tmp_path, work)

    assert fired == 1
    assert {act.cause.partition("@")[0] for act in withdrawn} == {"hand"}


def test_it_is_in_force_though_the_file_refuses_and_the_person_is_told(tmp_path: Path) -> None:
    async def work(conductor: Conductor, ledger: Ledger, board: Board) -> str:
        assert conductor.modes is not None
        full = mock.patch.object(ModeFile, "write", side_effect=StorageError("no space left"))
        with full, pytest.raises(StorageError):
            await conductor.modes.bypass("gate", 60.0, "ada", "")
        return conductor.modes.modes.how("gate")

    assert line(tmp_path, work) == "bypass"


def test_an_override_ends_at_its_time_at_the_safe_value_and_tells_of_it(tmp_path: Path) -> None:
    told: list[Change] = []

    async def work(conductor: Conductor, ledger: Ledger, board: Board) -> list[float]:
        assert conductor.modes is not None
        await conductor.modes.manual("flow", "95", 20.0, "ada", "")
        await asyncio.sleep(19)
        before = list(board.levels)
        await asyncio.sleep(2)
        assert conductor.engine.taken() == {}
        return [before[-1], board.levels[-1]]

    assert line(tmp_path, work, told) == [95.0, 100.0]
    assert [(one.override.how, one.is_over, bool(one.expired)) for one in told] == [
        ("manual", False, False),
        ("manual", True, False),
        ("manual", True, True),
    ]


def test_manual_is_refused_while_it_observes_and_while_outputs_are_held(tmp_path: Path) -> None:
    async def work(conductor: Conductor, ledger: Ledger, board: Board) -> list[str]:
        modes, why = conductor.modes, []
        assert modes is not None
        await modes.observe("", "ada", "")
        with pytest.raises(CommandRefused) as refused:
            await modes.manual("flow", "95", 60.0, "ada", "")
        why.append(str(refused.value))
        await modes.act("", "ada", "")
        await conductor.make_safe("bob", "guard door")
        with pytest.raises(CommandRefused) as refused:
            await modes.manual("flow", "95", 60.0, "ada", "")
        why.append(str(refused.value))
        assert 95.0 not in board.levels
        return why

    observing, held = line(tmp_path, work)

    assert "ripieno act" in observing and "ripieno rearm" in held
