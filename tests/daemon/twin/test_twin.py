"""A desired document is applied whole or refused with a reason for each key, never twice, never backwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from daemon.fleet.virtual import SeededEntropy, VirtualClock, run, storage
from daemon.orders.kit import ANNA, BEN, ROOT, STRANGER, policy

from ripieno.errors import RipienoError, StorageError
from ripieno_daemon.fleet import Sender
from ripieno_daemon.packed import pack
from ripieno_daemon.trust import Signer, read_policy, seal
from ripieno_daemon.trust.sealed import COMMAND, DESIRED
from ripieno_daemon.twin import BadDocument, Desired, Twin, pack_desired

POLICY = read_policy(policy(), ROOT.public, "plant")


class Line:
    """Settings of a line: `share` from 0 to 1, `speed` a whole number. Applies at a decision boundary, 50 ms later."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {"share": 0.1, "speed": 1}
        self.seen: list[dict[str, Any]] = []
        self.fails = ""

    def problems(self, values: Mapping[str, Any]) -> dict[str, str]:
        found = {key: "unknown" for key in values if key not in self.values}
        if not 0 <= values.get("share", -1) <= 1:
            found["share"] = f"should be 0 to 1 (got {values.get('share')})"
        if type(values.get("speed")) is not int:
            found["speed"] = "should be a whole number"
        return found

    async def apply(self, values: Mapping[str, Any]) -> None:
        await asyncio.sleep(0.05)
        if self.fails:
            raise RipienoError(self.fails)
        self.values = dict(values)
        self.seen.append(dict(values))

    def effective(self) -> dict[str, Any]:
        return self.values


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder, self.line, self.clock = folder, Line(), VirtualClock()
        self.said: list[str] = []
        self.reports: list[dict[str, Any]] = []
        self.acked = 0
        self._sender = Sender("console-1", 1, self.clock, SeededEntropy(1))

    async def start(self) -> None:
        database = storage(self.folder).database("twin.sqlite")
        self.twin = await Twin.open(database, self.clock, "line-1", self.line, lambda: POLICY, self.said.append)
        self.twin.report_soon = lambda: self.reports.append(self.twin.report())
        self._task = asyncio.create_task(self.twin.run(), name="twin")

    async def end(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self.twin.close()

    def message(self, rev: int, values: dict[str, Any], key: Signer = ANNA, device: str = "line-1") -> bytes:
        return self.sealed(pack_desired(Desired(device, rev, values)), key)

    def sealed(self, payload: bytes, key: Signer = ANNA, kind: str = DESIRED) -> bytes:
        return self._sender.wrap("desired", seal(kind, payload, [key]))

    async def give(self, payload: bytes) -> dict[str, Any]:
        self.twin.take(payload, self._ack)
        await self.clock.sleep(1)
        return self.reports[-1] if self.reports else {}

    def _ack(self) -> None:
        self.acked += 1


def play(folder: Path, body: Callable[[Stage], Any]) -> None:
    async def scene() -> None:
        stage = Stage(folder)
        await stage.start()
        try:
            await body(stage)
        finally:
            await stage.end()

    run(scene())


GOOD = {"share": 0.3, "speed": 2}


def test_an_order_changes_some_values_as_the_next_revision_and_doing_it_twice_is_doing_it_once(tmp_path: Path) -> None:
    async def body(stage: Stage) -> None:
        await stage.give(stage.message(4, GOOD))
        first = await stage.twin.change({"share": 0.5})
        again = await stage.twin.change({"share": 0.5})
        assert (first["rev"], first["status"], first["effective"]) == (5, "applied", {"share": 0.5, "speed": 2})
        assert again["rev"] == 5 and len(stage.line.seen) == 2
        for wrong in ({"share": 5}, {"colour": "red"}, {"share": 0.6, "speed": "fast"}):
            with pytest.raises(BadDocument) as caught:
                await stage.twin.change(wrong)
            assert caught.value.reason == "settings"
        assert stage.line.values == {"share": 0.5, "speed": 2}
        await stage.end()
        await stage.start()
        assert (stage.twin.applied.rev, stage.twin.applied.values) == (5, {"share": 0.5, "speed": 2})
        report = await stage.give(stage.message(6, GOOD))
        assert report["status"] == "applied", "a document goes on from there"

    play(tmp_path, body)


def test_an_order_and_a_document_take_turns(tmp_path: Path) -> None:
    async def body(stage: Stage) -> None:
        changing = [asyncio.create_task(stage.twin.change({"speed": number})) for number in (7, 8, 9)]
        await asyncio.sleep(0)
        await stage.give(stage.message(1, GOOD))
        await asyncio.gather(*changing)
        assert [each["speed"] for each in stage.line.seen] == [7, 8, 9], "the document was older by then"
        assert stage.twin.applied.rev == 3 and stage.twin.counts["old"] == 1

    play(tmp_path, body)


def test_a_document_is_applied_reported_and_what_a_restart_begins_with(tmp_path: Path) -> None:
    async def body(stage: Stage) -> None:
        report = await stage.give(stage.message(1, GOOD))
        await stage.end()
        await stage.start()

        assert [each["status"] for each in stage.reports] == ["pending", "applied"]
        assert (report["rev"], report["applied"], report["effective"], report["local"]) == (1, 1, GOOD, [])
        assert stage.twin.applied.values == GOOD and stage.twin.applied.rev == 1

    play(tmp_path, body)


def test_one_wrong_value_refuses_the_whole_with_a_reason_for_each_key(tmp_path: Path) -> None:
    async def body(stage: Stage) -> None:
        report = await stage.give(stage.message(1, {"share": 7, "speed": 2, "colour": "red"}))

        assert report["status"] == "rejected" and report["applied"] == 0
        assert report["reasons"] == {"colour": "unknown", "share": "should be 0 to 1 (got 7)"}
        assert stage.line.values == {"share": 0.1, "speed": 1}
        assert (await stage.give(stage.message(2, GOOD)))["status"] == "applied"

    play(tmp_path, body)


def test_an_older_revision_is_ignored_the_same_again_too_and_two_of_one_number_are_an_alarm(tmp_path: Path) -> None:
    async def body(stage: Stage) -> None:
        await stage.give(stage.message(5, GOOD))
        await stage.give(stage.message(4, {"share": 0.9, "speed": 9}))
        await stage.give(stage.message(5, GOOD))
        assert stage.line.seen == [GOOD]
        report = await stage.give(stage.message(5, {"share": 0.9, "speed": 9}))

        assert stage.line.seen == [GOOD] and report["status"] == "rejected"
        assert any("ALARM two different documents have revision 5" in text for text in stage.said)

    play(tmp_path, body)


def test_what_cannot_be_applied_leaves_what_was_in_force(tmp_path: Path) -> None:
    async def body(stage: Stage) -> None:
        stage.line.fails = "the line is in the middle of a batch"
        report = await stage.give(stage.message(1, GOOD))

        assert report["status"] == "rejected" and report["reasons"] == {"": stage.line.fails}
        assert stage.twin.applied.rev == 0

    play(tmp_path, body)


def test_what_a_person_changed_at_the_device_is_reported_as_local(tmp_path: Path) -> None:
    async def body(stage: Stage) -> None:
        await stage.give(stage.message(1, GOOD))
        stage.line.values["speed"] = 7

        assert stage.twin.report()["local"] == ["speed"]

    play(tmp_path, body)


REFUSED: dict[str, Callable[[Stage], bytes]] = {
    "unknown-key": lambda s: s.message(1, GOOD, STRANGER),
    "not-allowed": lambda s: s.message(1, GOOD, BEN),
    "target": lambda s: s.message(1, GOOD, device="line-2"),
    "forged": lambda s: s.sealed(pack_desired(Desired("line-1", 1, GOOD)), kind=COMMAND),
    "unsigned": lambda s: s._sender.wrap("desired", {"values": GOOD}),
    "type": lambda s: s._sender.wrap("command", {}),
    "size": lambda s: bytes(40_000),
    "format": lambda s: s.sealed(pack({"v": 1, "device": "line-1", "rev": True, "values": {}}, 999)),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_from_who_may_or_not_a_document_is_counted_and_changes_nothing(tmp_path: Path, reason: str) -> None:
    async def body(stage: Stage) -> None:
        await stage.give(REFUSED[reason](stage))

        assert stage.twin.counts[reason] == 1 and stage.acked == 1
        assert stage.line.seen == [] and stage.reports == []
        await stage.give(stage.message(1, GOOD))
        assert stage.line.seen == [GOOD]

    play(tmp_path, body)


def test_a_document_that_the_disk_does_not_take_is_in_force_and_said_once(tmp_path: Path) -> None:
    async def body(stage: Stage) -> None:
        right = stage.twin._database.write

        async def refused(_work: Any) -> Any:
            raise StorageError("full")

        stage.twin._database.write = refused  # type: ignore[method-assign]
        await stage.give(stage.message(1, GOOD))
        await stage.clock.sleep(5)
        assert stage.acked == 0 and stage.line.values == GOOD
        stage.twin._database.write = right  # type: ignore[method-assign]
        await stage.clock.sleep(2)

        assert stage.acked == 1 and sum("not durable" in text for text in stage.said) == 1

    play(tmp_path, body)
