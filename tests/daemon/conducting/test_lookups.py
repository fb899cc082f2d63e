"""Records are looked up within their deadline, remembered as long as the step allows, and a failure is never kept."""

from __future__ import annotations

import asyncio
from typing import Any

from ripieno.engine import Look
from ripieno.errors import DeviceError
from ripieno.values import Health, ItemId, Record
from ripieno_daemon.conducting.declared import as_declared
from ripieno_daemon.conducting.lookups import MOST_REMEMBERED, Lookups

S = 1_000_000_000


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.ns = 0

    def monotonic_ns(self) -> int:
        return self.ns


class Customers:
    """A device that looks up, and can be made to fail."""

    def __init__(self, *answers: Record | Exception | None) -> None:
        self.answers, self.asked = list(answers), 0

    async def run(self) -> None: ...
    async def fire(self, pulse: Any, note: bytes = b"") -> Any: ...
    def withdraw(self, act: Any) -> None: ...
    def set(self, setpoint: Any) -> None: ...
    def rearm(self) -> None: ...

    async def look(self, input: str, key: str | float) -> Record:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Record)
        return answer


ADA = Record(True, {"name": "Ada"})


def look(key: str | float = 7.0, cache_s: float = 10.0) -> Look:
    return Look("customer", ItemId("question", 1, 1), "customers", key, int(0.02 * S), int(cache_s * S))


def answers(device: Any, *looks: tuple[float, Look]) -> list[Record]:
    """Look up at these times."""
    clock = Clock()
    lookups = Lookups(clock)  # type: ignore[arg-type]  # the clock that it needs

    async def work() -> list[Record]:
        found = []
        for at_s, one in looks:
            clock.ns = int(at_s * S)
            found.append((await lookups.look(one, device))[0])
        return found

    return asyncio.run(work())


def test_an_answer_is_remembered_as_long_as_the_step_allows_and_no_longer() -> None:
    device = Customers(ADA)
    answers(device, (0, look()), (10, look()), (10.1, look()), (10.2, look(8.0)))

    assert device.asked == 3


def test_no_record_is_remembered_and_a_failure_is_not() -> None:
    absent, broken = Customers(Record(False)), Customers(DeviceError("disk"), ADA)
    answers(absent, (0, look()), (1, look()))
    found = answers(broken, (0, look()), (1, look()))

    assert absent.asked == 1
    assert [one.health for one in found] == [Health.FAILED, Health.GOOD]
    assert found[0].why == "disk"


def test_what_does_not_answer_in_time_is_late() -> None:
    (found,) = answers(Customers(None), (0, look()))

    assert (found.health, found.found) == (Health.LATE, False)
    assert found.why == "no answer within 20 ms"


def test_a_device_that_looks_nothing_up_is_a_failure_that_names_the_input() -> None:
    (found,) = answers(object(), (0, look()))

    assert found.health is Health.FAILED and "customers" in found.why


def test_memory_is_bounded() -> None:
    device = Customers(ADA)
    keys = [(0, look(float(key))) for key in range(MOST_REMEMBERED + 1)]
    answers(device, *keys, (0, look(float(MOST_REMEMBERED))), (0, look(0.0)))

    assert device.asked == MOST_REMEMBERED + 2, "the last is remembered, the first is not"


def test_what_is_not_of_the_declared_type_is_unknown() -> None:
    fields = [("name", "text"), ("age", "number"), ("member", "bool"), ("gone", "text")]
    hostile = {"name": 3, "age": True, "member": 1}

    assert as_declared({"name": "Ada", "age": 36, "member": False}, fields) == ("Ada", 36.0, False, None)
    assert as_declared(hostile, fields) == (None, None, None, None)
    assert as_declared({"name": "x" * 16_001, "age": 10**400, "member": None}, fields) == (None,) * 4
    assert as_declared({"age": float("nan")}, fields)[1] is None
