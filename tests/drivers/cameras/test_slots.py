"""Pictures through shared memory: what is read is what was written, or is said to be gone."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno.contracts.slots import SlotRef, is_slot, parse_slot, slot_bytes
from ripieno.errors import DeviceError
from ripieno_daemon.children.processes import ChildProcesses, Memory
from ripieno_daemon.workers.mapped import MOST_MAPPED, MappedPictures
from ripieno_drivers.cameras.capture.shelf import Put, Shelf

from .videos import bar


@pytest.fixture
def memory() -> Iterator[Memory]:
    made = ChildProcesses().memory("test")
    yield made
    made.close()


def ref(memory: Memory, put: Put | None, picture: np.ndarray) -> SlotRef:
    assert put is not None
    return parse_slot(str(SlotRef(memory.ref, put.offset, put.stamp, picture.shape[1], picture.shape[0])))


@given(st.integers(0, 10**15 - 1), st.integers(0, 2**63), st.integers(0, 99_999), st.integers(0, 99_999))
def test_a_ref_comes_back_from_its_text(offset: int, stamp: int, width: int, height: int) -> None:
    slot = SlotRef("/proc/1/fd/3#77", offset, stamp, width, height)

    assert is_slot(str(slot)) and parse_slot(str(slot)) == slot


@given(st.text(max_size=80))
def test_what_is_no_ref_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a picture in shared memory"):
        parse_slot("pixels:" + text)


def test_pictures_come_out_as_they_went_in(memory: Memory) -> None:
    shelf, pictures = Shelf(memory.fd, 4, 1), MappedPictures()
    refs = [ref(memory, shelf.put(bar(number)), bar(number)) for number in range(4)]

    for number, slot in enumerate(refs):
        pixels, is_there = pictures.open(slot)
        assert np.array_equal(pixels, bar(number)) and is_there()


def test_a_full_shelf_takes_no_more_until_a_slot_comes_back(memory: Memory) -> None:
    shelf = Shelf(memory.fd, 2, 1)
    first, _ = shelf.put(bar(1)), shelf.put(bar(2))
    assert first is not None and shelf.put(bar(3)) is None

    shelf.free(first.offset, first.stamp)

    assert shelf.put(bar(3)) is not None


def test_a_slot_that_was_given_out_anew_is_not_freed_by_its_old_stamp(memory: Memory) -> None:
    shelf = Shelf(memory.fd, 1, 1)
    first = shelf.put(bar(1))
    assert first is not None
    shelf.free(first.offset, first.stamp)
    shelf.put(bar(2))

    shelf.free(first.offset, first.stamp)

    assert shelf.used == 1


def test_a_picture_that_was_overwritten_is_not_taken_for_another(memory: Memory) -> None:
    shelf, pictures = Shelf(memory.fd, 1, 1), MappedPictures()
    first = shelf.put(bar(1))
    old = ref(memory, first, bar(1))
    pixels, is_there = pictures.open(old)
    assert first is not None
    shelf.free(first.offset, first.stamp)
    shelf.put(bar(2))

    assert not is_there() and np.array_equal(pixels, bar(2))
    with pytest.raises(ValueError, match="was overwritten"):
        pictures.open(old)


def test_another_process_of_the_camera_uses_no_stamp_again(memory: Memory) -> None:
    pictures = MappedPictures()
    old = ref(memory, Shelf(memory.fd, 1, 1).put(bar(1)), bar(1))
    Shelf(memory.fd, 1, 2).put(bar(2))

    with pytest.raises(ValueError, match="was overwritten"):
        pictures.open(old)


def test_larger_pictures_make_the_memory_grow_under_a_reader(memory: Memory) -> None:
    shelf, pictures = Shelf(memory.fd, 2, 1), MappedPictures()
    small, large = bar(1), bar(2, size=(640, 480))
    pictures.open(ref(memory, shelf.put(small), small))

    pixels, _ = pictures.open(ref(memory, shelf.put(large), large))

    assert np.array_equal(pixels, large)


def test_memory_never_shrinks_so_that_no_reader_dies(memory: Memory) -> None:
    Shelf(memory.fd, 1, 1).put(bar(1))

    with pytest.raises(PermissionError):
        os.ftruncate(memory.fd, 0)


def test_a_closed_memory_is_gone_also_when_its_number_is_used_again() -> None:
    first = ChildProcesses().memory("first")
    slot = ref(first, Shelf(first.fd, 1, 1).put(bar(1)), bar(1))
    first.close()
    second = ChildProcesses().memory("second")
    Shelf(second.fd, 1, 1).put(bar(2))
    try:
        assert second.fd == first.fd
        with pytest.raises(FileNotFoundError):
            MappedPictures().open(slot)
    finally:
        second.close()


def test_many_cameras_keep_few_mappings() -> None:
    pictures = MappedPictures()
    for number in range(MOST_MAPPED + 4):
        memory = ChildProcesses().memory(str(number))
        pictures.open(ref(memory, Shelf(memory.fd, 1, 1).put(bar(1)), bar(1)))
        memory.close()
    gc.collect()

    assert len(pictures._maps) == MOST_MAPPED


def test_a_slot_is_whole_pages() -> None:
    assert slot_bytes(640, 360) % 4096 == 0 and slot_bytes(1, 1) == 4096


def test_no_memory_is_said_as_a_device_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", refuse)

    with pytest.raises(DeviceError, match="top: no shared memory: Too many open files"):
        ChildProcesses().memory("top")
