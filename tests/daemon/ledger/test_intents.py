"""What the file of intents promises to a driver, also over a crash in the middle of a write."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.contracts.driver import Intent
from ripieno.errors import StorageError
from ripieno.values import Act
from ripieno_daemon.ledger import IntentFile
from ripieno_daemon.ledger.intents import FILE_BYTES, SLOT_BYTES, SLOTS


class Memory:
    """A file that can lose power in the middle of a write: `tear` is how many bytes of all pieces still arrive."""

    def __init__(self, content: bytes = bytes(FILE_BYTES)) -> None:
        self.content = bytearray(content)
        self.tear: int | None = None

    def read(self) -> bytes:
        return bytes(self.content)

    async def write(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        for offset, piece in pieces:
            if self.tear is not None:
                piece, self.tear = piece[: self.tear], self.tear - len(piece[: self.tear])
            self.content[offset : offset + len(piece)] = piece
        if self.tear is not None:
            raise StorageError("power cut")

    def close(self) -> None:
        pass


def intent(number: int, device: str = "board", note: bytes = b"note") -> Intent:
    return Intent(Act(f"part-00000001-{number}", "gate", 0), device, number, 0xAB, 123, note)


def test_an_open_intent_is_there_after_a_restart_and_a_settled_one_is_not() -> None:
    file = Memory()
    intents = IntentFile(file)
    asyncio.run(intents.write(intent(1)))
    asyncio.run(intents.write(intent(2)))
    intents.settle(intent(1))
    asyncio.run(intents.write(intent(3)))

    again = IntentFile(Memory(file.read()))

    assert list(again.open("board")) == [intent(2), intent(3)]
    assert again.highest("board") == 3
    assert again.highest("other") == 0


def test_a_torn_reuse_of_a_slot_does_not_open_the_settled_record_in_it() -> None:
    """A state byte before the record did that: the tear took only the byte."""
    for tear in range(200):
        file = Memory()
        intents = IntentFile(file, slots=3)
        for number in range(1, 4):
            asyncio.run(intents.write(intent(number)))
            intents.settle(intent(number))
        file.tear = tear
        with pytest.raises(StorageError, match="power cut"):
            asyncio.run(intents.write(intent(4)))

        again = IntentFile(Memory(file.read()), slots=3)
        assert {each.command_id for each in again.open("board")} <= {3, 4}
        assert again.highest("board") >= 3


def test_a_full_ring_is_an_error_and_settling_frees_it() -> None:
    intents = IntentFile(Memory())
    for number in range(SLOTS):
        asyncio.run(intents.write(intent(number)))

    with pytest.raises(StorageError, match="128 acts"):
        asyncio.run(intents.write(intent(999)))

    intents.settle(intent(5))
    asyncio.run(intents.write(intent(999)))
    assert intents.highest("board") == 999


def test_a_record_that_does_not_fit_is_refused() -> None:
    with pytest.raises(StorageError, match="note of 129"):
        asyncio.run(IntentFile(Memory()).write(intent(1, note=b"x" * 129)))


@given(noise=st.binary(min_size=SLOT_BYTES, max_size=3 * SLOT_BYTES))
def test_noise_in_the_file_is_ignored(noise: bytes) -> None:
    assert IntentFile(Memory(noise + bytes(FILE_BYTES - len(noise)))).open("board") == []


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_crashes_lose_nothing_that_was_written_and_never_lower_the_highest_id(data: st.DataObject) -> None:
    """Model: what `write` returned for is open until settled; settled ones may come back only until the next write."""
    file = Memory()
    intents = IntentFile(file, slots=6)
    is_open: dict[int, Intent] = {}
    may_return: dict[int, Intent] = {}
    next_id, highest = 1, {"a": 0, "b": 0}
    for _ in range(data.draw(st.integers(1, 25))):
        step = data.draw(st.sampled_from(["write", "write", "settle", "crash", "torn"]))
        if step in ("write", "torn"):
            device = data.draw(st.sampled_from(["a", "b"]))
            new = intent(next_id, device)
            next_id += 1
            if step == "torn":
                file.tear = data.draw(st.integers(0, 120))
            try:
                asyncio.run(intents.write(new))
            except StorageError as error:
                if step == "torn" and str(error) == "power cut":
                    intents = IntentFile(Memory(file.read()), slots=6)
                    came_back = {each.command_id: each for name in "ab" for each in intents.open(name)}
                    assert is_open.items() <= came_back.items()
                    assert came_back.items() <= {**is_open, **may_return, new.command_id: new}.items()
                    is_open, may_return = came_back, {}
                    if new.command_id in came_back:
                        highest[device] = new.command_id
                file = intents._file  # type: ignore[assignment]
                file.tear = None
            else:
                is_open[new.command_id] = new
                may_return.clear()
                highest[device] = new.command_id
        elif step == "settle" and is_open:
            settled = is_open.pop(data.draw(st.sampled_from(sorted(is_open))))
            may_return[settled.command_id] = settled
            intents.settle(settled)
        elif step == "crash":
            file = Memory(file.read())
            intents = IntentFile(file, slots=6)
            came_back = {each.command_id: each for name in "ab" for each in intents.open(name)}
            assert is_open.items() <= came_back.items() <= {**is_open, **may_return}.items()
            is_open, may_return = came_back, {}
        for name in "ab":
            assert intents.highest(name) >= highest[name]
