"""`ripieno tell`: a caller is told `taken` when it is durable; everything else is a no with its reason."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from drivers.site.contexts import Told as Heard
from drivers.site.contexts import context, running

from ripieno.contracts.driver import Point
from ripieno.contracts.site import Told
from ripieno.errors import CommandRefused, DeviceError, StorageError
from ripieno_daemon.cli.main import main
from ripieno_daemon.doors import OpenDoors
from ripieno_daemon.ports.local_socket import LocalSocket, Peer
from ripieno_daemon.service.messages import told
from ripieno_drivers.messages.inbox import DRIVER, InboxPoint, InboxSettings

ASKED, OTHER = Point("asked", "message", InboxPoint()), Point("other", "message", InboxPoint())


def with_inbox(
    folder: Path, heard: Heard, work: Callable[[OpenDoors], Awaitable[Any]], *points: Point, **ports: Any
) -> Any:
    """Run an inbox, and the local socket before it, for as long as `work` takes."""
    doors = OpenDoors()

    async def answer(asked: dict[str, Any], peer: Peer) -> dict[str, Any]:
        assert asked["ask"] == "tell" and peer.may_change
        return await told(doors, asked, str(peer))

    async def run() -> Any:
        own = context(heard, folder, list(points) or [ASKED], doors=doors, **ports)
        local = LocalSocket(folder / "control.sock", answer)
        async with asyncio.timeout(20), local, running(DRIVER, InboxSettings(), own):
            await asyncio.sleep(0.01)
            return await work(doors)

    return asyncio.run(run())


def command(folder: Path, *words: str) -> Awaitable[int]:
    return asyncio.to_thread(main, ["tell", *words, "--state", str(folder)])


def test_a_message_is_taken_when_it_is_durable(tmp_path: Path, capsys: Any) -> None:
    heard = Heard()
    body = {"text": "Where is my card?", "customer": 4711, "deep": {"no": 1}, "half": "\ud800"}

    async def work(doors: OpenDoors) -> list[int]:
        return [
            await command(tmp_path, "asked", "--body", json.dumps(body), "--key", "mail-17"),
            await command(tmp_path, "asked", "--text", "hello", "--json", "-"),
        ]

    assert with_inbox(tmp_path, heard, work) == [0, 0]
    first, second = heard.messages
    assert (first.input, first.key) == ("asked", "mail-17")
    assert dict(first.body) == {"text": "Where is my card?", "customer": 4711}
    assert dict(second.body) == {"text": "hello"} and second.key.startswith("told-")
    assert heard.recorded == 2
    out = capsys.readouterr().out
    assert "asked: taken as mail-17" in out and json.loads(out.split("\n", 1)[1])["key"] == second.key


def test_nothing_is_said_before_the_record_has_it(tmp_path: Path) -> None:
    heard, durable = Heard(), asyncio.Event()

    async def work(doors: OpenDoors) -> str:
        telling = asyncio.create_task(doors.tell("asked", Told({"text": "x"}, "k")))
        await asyncio.sleep(0.1)
        assert heard.messages and not telling.done()
        durable.set()
        return await telling

    assert with_inbox(tmp_path, heard, work, recorded=durable.wait) == "k"


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        (["nobody", "--text", "x"], 1, "no input 'nobody' takes messages here; there are: asked"),
        (["asked", "--body", '{"deep": {"x": 1}}'], 1, "nothing is in it that can be used"),
        (["asked", "--body", "[1]"], 2, "an object with fields is expected"),
        (["asked", "--body", "{"], 2, "--body: it is not JSON"),
        (["asked", "--body", '{"text": "a", "text": "b"}'], 2, "--body: it says 'text' twice"),
        (["asked", "--body", '{"customer": NaN}'], 2, "--body: "),
        (["asked", "--body", "{}"], 2, "an object with fields is expected"),
        (["asked", "--text", "  "], 2, "the text is empty"),
        (["asked", "--text", "x\udcff"], 2, "the message is not UTF-8"),
        (["asked", "--text", "x" * 70_000], 2, "the message has more than 65536 bytes"),
    ],
)
def test_what_is_not_taken_is_said_and_exits_by_it(
    tmp_path: Path, capsys: Any, words: list[str], status: int, why: str
) -> None:
    heard = Heard()

    assert with_inbox(tmp_path, heard, lambda doors: command(tmp_path, *words)) == status
    said = capsys.readouterr()
    assert why in said.out + said.err
    assert heard.messages == []


def test_a_record_that_refuses_is_a_no_that_says_what_to_do(tmp_path: Path, capsys: Any) -> None:
    async def refuse() -> None:
        raise StorageError("the disk is full")

    assert with_inbox(tmp_path, Heard(), lambda doors: command(tmp_path, "asked", "--text", "x"), recorded=refuse) == 1
    assert "not durable: the disk is full; with the same --key it may be told again" in capsys.readouterr().out


def test_no_daemon_is_a_no(tmp_path: Path, capsys: Any) -> None:
    assert main(["tell", "asked", "--text", "x", "--state", str(tmp_path)]) == 1
    assert "no daemon answers" in capsys.readouterr().err


def test_standard_input_is_a_message_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"Wo ist meine Karte?\n")))

    assert with_inbox(tmp_path, heard, lambda doors: command(tmp_path, "asked", "--text", "-")) == 0
    assert [dict(one.body) for one in heard.messages] == [{"text": "Wo ist meine Karte?"}]


def test_a_device_that_ends_closes_its_doors_and_lets_no_caller_wait(tmp_path: Path) -> None:
    heard, doors = Heard(), OpenDoors()

    async def never() -> None:
        await asyncio.get_running_loop().create_future()

    async def run() -> tuple[list[str], list[str]]:
        own = context(heard, tmp_path, [ASKED, OTHER], doors=doors, recorded=never)
        async with running(DRIVER, InboxSettings(), own):
            await asyncio.sleep(0.01)
            opened = doors.inputs
        return opened, doors.inputs

    assert asyncio.run(run()) == (["asked", "other"], [])


def test_an_input_has_one_door(tmp_path: Path) -> None:
    async def work(doors: OpenDoors) -> str:
        device: Any = DRIVER.open(InboxSettings(), context(Heard(), tmp_path, [OTHER, ASKED], doors=doors))
        with pytest.raises(DeviceError) as refused:
            await device.run()
        assert doors.inputs == ["asked"], "what it had opened is closed again"
        with pytest.raises(CommandRefused):
            await doors.tell("other", Told({"text": "x"}))
        return str(refused.value)

    assert with_inbox(tmp_path, Heard(), work) == "asked is served by another device already; bind it once"
