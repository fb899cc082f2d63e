"""files: a report is there once and whole; a file that arrives is a message once, and put away when it is durable."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from drivers.site.contexts import Told, booking, context, running, until

from ripieno.contracts.driver import Point
from ripieno.errors import DeviceError, LinkDown, StorageError
from ripieno.values import Act, Booking, OutcomeKind
from ripieno_daemon.ports import DiskFiles
from ripieno_drivers.files import DRIVER
from ripieno_drivers.files.settings import FilesPoint, FilesSettings

LETTER = Point("letter", "report", FilesPoint(put="out"))
ASKED = Point("asked", "message", FilesPoint(take="in"))


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ladders' steps are short here; that they are taken is what matters."""
    for name in ("files.device.AGAIN_S", "files.letters.RETRY_S", "messages.keeping.RETRY_S"):
        monkeypatch.setattr(f"ripieno_drivers.{name}", (0.02,))


def with_files(root: Path, told: Told, work: Callable[[Any], Awaitable[Any]], *points: Point, **ports: Any) -> Any:
    """Run the device on a folder for as long as `work` takes."""

    async def main() -> Any:
        own = context(told, root, list(points) or [LETTER, ASKED], **ports)
        async with asyncio.timeout(30), running(DRIVER, FilesSettings(path=str(root)), own) as device:
            return await work(device)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def below(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


# --- reports ---------------------------------------------------------------------------------------------------------


def test_a_report_is_one_json_file_and_one_to_read(tmp_path: Path) -> None:
    act = Act("hourly@17@1700000000", "letter", 0)
    made = Booking(act, "letter", "write", (("share", 0.25), ("ok", True), ("who", "<b>|x|\n# y"), ("at", None)))
    outcome = with_files(tmp_path, Told(), lambda device: device.book(made), LETTER)

    assert outcome.kind is OutcomeKind.EXECUTED
    assert below(tmp_path) == [f"out/hourly@17@1700000000~2Fletter~2F0{ending}" for ending in (".json", ".md")]
    read = json.loads((tmp_path / below(tmp_path)[0]).read_text())
    assert read.pop("written").endswith("Z")
    assert read == {
        "act": "hourly@17@1700000000/letter/0",
        "output": "letter",
        "verb": "write",
        "fields": {"share": 0.25, "ok": True, "who": "<b>|x|\n# y", "at": None},
    }
    lines = (tmp_path / below(tmp_path)[1]).read_text().splitlines()
    assert lines[:8] == [
        "# letter: write",
        "",
        "| | |",
        "|---|---|",
        "| share | 0.25 |",
        "| ok | yes |",
        "| who | &lt;b>\\|x\\| # y |",
        "| at | not known |",
    ]


def test_asked_for_again_after_a_crash_a_report_is_left_as_it_is(tmp_path: Path) -> None:
    for _ in range(2):

        async def work(device: Any) -> Any:
            return await asyncio.gather(*(device.book(booking(1, "letter", width=2.0)) for _ in range(3)))

        outcomes = with_files(tmp_path, Told(), work, LETTER)
        assert {one.kind for one in outcomes} == {OutcomeKind.EXECUTED}
        (report,) = (tmp_path / "out").glob("*.json")
        before = report.stat()
        report.chmod(0o600)

    assert report.stat().st_mtime_ns == before.st_mtime_ns


class Failing(DiskFiles):
    """The first writes fail, as on a full disk."""

    left = 3

    async def create(self, path: str, content: bytes) -> bool:
        if self.left:
            self.left -= 1
            raise StorageError(f"{path}: the disk is full (free space on its file system)")
        return await super().create(path, content)


def test_a_disk_that_refuses_delays_a_report_and_is_told_once(tmp_path: Path) -> None:
    told = Told()
    work = lambda device: device.book(booking(1, "letter"))  # noqa: E731
    outcome = with_files(tmp_path, told, work, LETTER, files=Failing(tmp_path))

    assert outcome.kind is OutcomeKind.EXECUTED
    assert len(told.downs) == 1 and "the disk is full" in told.downs[0] and "reports wait" in told.downs[0]
    assert told.is_up


KILLED = """
    import asyncio, sys
    from pathlib import Path
    from ripieno_daemon.ports.site_files import create

    number = 0
    print("ready", flush=True)
    while True:
        number += 1
        create(Path(sys.argv[1]) / f"{number}.json", b"[" + b"1, " * 20_000 + b"1]", is_durable=False)
"""


def test_killed_while_it_writes_no_half_of_a_report_is_ever_seen(tmp_path: Path) -> None:
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        while not list(tmp_path.glob("*.json")):
            os.sched_yield()
        process.send_signal(signal.SIGKILL)
        process.wait()
        for path in tmp_path.glob("*.json"):
            assert len(json.loads(path.read_text())) == 20_001
            path.unlink()


def test_a_report_waits_for_the_folder_and_a_stop_lets_nobody_wait(tmp_path: Path) -> None:
    class Refusing(DiskFiles):
        async def create(self, path: str, content: bytes) -> bool:
            raise StorageError("no")

    async def main() -> BaseException | None:
        own = context(Told(), tmp_path, [LETTER], files=Refusing(tmp_path))
        async with running(DRIVER, FilesSettings(path=str(tmp_path)), own) as device:
            waiting = asyncio.create_task(device.book(booking(1, "letter")))
            await asyncio.sleep(0.05)
        async with asyncio.timeout(1):
            await asyncio.wait({waiting})
        return waiting.exception()

    assert isinstance(asyncio.run(main()), LinkDown)


# --- messages --------------------------------------------------------------------------------------------------------


def put(folder: Path, name: str, content: bytes | str) -> None:
    """As a program does that does not want to be read half."""
    draft = folder / f".{name}.part"
    draft.write_bytes(content.encode() if isinstance(content, str) else content)
    draft.rename(folder / name)


def test_a_file_that_arrives_is_a_message_and_is_put_away_when_durable(tmp_path: Path) -> None:
    told, inbox = Told(), tmp_path / "in"
    inbox.mkdir()
    put(inbox, "old.json", '{"text": "before the start"}')

    async def work(device: Any) -> None:
        await until(lambda: told.is_up and len(told.messages) == 1)
        put(inbox, "new.json", '{"text": "Where is my card?", "customer": 4711, "deep": {"x": 1}}')
        (inbox / "notes.txt").write_text("not for us")
        await until(lambda: below(inbox) == ["done/new.json", "done/old.json", "notes.txt"])

    with_files(tmp_path, told, work)

    assert [dict(one.body) for one in told.messages] == [
        {"text": "before the start"},
        {"text": "Where is my card?", "customer": 4711},
    ]
    assert [one.key.split("@")[0] for one in told.messages] == ["old.json", "new.json"]
    assert told.recorded >= 2
    assert told.said == ["site: asked: notes.txt is no .json file and is left where it is, as others like it"]


def test_the_same_file_read_twice_is_one_message_and_the_same_name_again_another(tmp_path: Path) -> None:
    """Killed between `recorded` and `moved`: what lies in taken/ is read again, under the same key."""
    told, inbox = Told(), tmp_path / "in"
    inbox.mkdir()
    put(inbox, "order.json", '{"n": 1}')

    class Stuck(DiskFiles):
        """The process dies before it can put a file away."""

        async def move(self, path: str, folder: str) -> str:
            if folder.endswith("done"):
                await asyncio.get_running_loop().create_future()
            return await super().move(path, folder)

    async def first(device: Any) -> None:
        await until(lambda: len(told.messages) == 1 and told.recorded)

    async def second(device: Any) -> None:
        await until(lambda: below(inbox) == ["done/order.json"])
        put(inbox, "order.json", '{"n": 1}')
        await until(lambda: below(inbox) == ["done/order.1.json", "done/order.json"])

    with_files(tmp_path, told, first, files=Stuck(tmp_path))
    assert below(inbox) == ["taken/order.json"]
    with_files(tmp_path, told, second)

    keys = [one.key for one in told.messages]
    assert keys[0] == keys[1] != keys[2]


def test_a_name_written_again_while_the_first_is_being_recorded_is_not_lost(tmp_path: Path) -> None:
    told, inbox = Told(), tmp_path / "in"
    inbox.mkdir()
    durable = asyncio.Event()

    async def record() -> None:
        await durable.wait()

    async def work(device: Any) -> None:
        await until(lambda: told.is_up)
        put(inbox, "order.json", '{"n": 1}')
        await until(lambda: told.messages)
        put(inbox, "order.json", '{"n": 2}')
        durable.set()
        await until(lambda: below(inbox) == ["done/order.1.json", "done/order.json"])

    with_files(tmp_path, told, work, recorded=record)

    assert [dict(one.body) for one in told.messages] == [{"n": 1}, {"n": 2}]


def test_nothing_is_put_away_while_the_record_refuses(tmp_path: Path) -> None:
    told, inbox = Told(), tmp_path / "in"
    inbox.mkdir()
    left = [3]

    async def record() -> None:
        if left[0]:
            left[0] -= 1
            assert below(inbox) == ["taken/a.json"]
            raise StorageError("full")

    async def work(device: Any) -> None:
        put(inbox, "a.json", '{"n": 1}')
        await until(lambda: below(inbox) == ["done/a.json"])

    with_files(tmp_path, told, work, recorded=record)

    assert left == [0] and len(told.messages) == 1


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is not JSON"),
        (b"[1]", "it is no JSON object"),
        (b'{"a": \xff}', "it is not UTF-8"),
        (b'{"a": "' + b"x" * 70_000 + b'"}', "it has 65537 bytes; at most 65536 are taken"),
        (b"[" * 60_000, "nested too deeply"),
    ],
)
def test_what_is_no_message_is_kept_apart_and_said(tmp_path: Path, content: bytes, why: str) -> None:
    told, inbox = Told(), tmp_path / "in"
    inbox.mkdir()

    async def work(device: Any) -> None:
        for number in range(12):
            put(inbox, f"bad{number}.json", content)
        put(inbox, "good.json", '{"n": 1}')
        await until(lambda: len(below(inbox)) == 13 and "done/good.json" in below(inbox))

    with_files(tmp_path, told, work)

    assert [name.split("/")[0] for name in below(inbox)] == ["done", *["refused"] * 12]
    assert (inbox / "refused/bad0.json").read_bytes() == content
    assert [one for one in told.said if why in one] == told.said
    assert len(told.said) == 2 and told.said[1].endswith("(10 so far)")


def test_texts_and_places_and_keys_of_the_sender(tmp_path: Path) -> None:
    told = Told()
    for name in ("texts", "places"):
        (tmp_path / name).mkdir()
    points = [
        Point("said", "message", FilesPoint(take="texts", format="text", then="delete")),
        Point("asked", "message", FilesPoint(take="places", fields={"q": "/body/text"}, key="/id")),
    ]

    async def work(device: Any) -> None:
        put(tmp_path / "texts", "one.txt", "Wo ist meine Karte?")
        put(tmp_path / "places", "one.json", '{"id": 7, "body": {"text": "Where?"}}')
        put(tmp_path / "places", "two.json", '{"id": null, "body": {"text": "Where?"}}')
        await until(lambda: below(tmp_path) == ["places/done/one.json", "places/refused/two.json"])

    with_files(tmp_path, told, work, *points)

    found = {one.input: (dict(one.body), one.key) for one in told.messages}
    assert found["said"][0] == {"text": "Wo ist meine Karte?"}
    assert found["asked"] == ({"q": "Where?"}, "7")
    assert told.said == ["site: asked: a message is not taken: it has no key at /id"]


def test_many_files_at_once_are_each_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than are remembered: the folder is looked at again."""
    monkeypatch.setattr("ripieno_drivers.files.letters.MOST_WAITING", 50)
    told, inbox = Told(), tmp_path / "in"
    inbox.mkdir()
    for number in range(400):
        (inbox / f"{number:04}.json").write_text(f'{{"n": {number}}}')

    async def work(device: Any) -> None:
        await until(lambda: len(told.messages) >= 400 and len(list((inbox / "done").iterdir())) == 400)

    with_files(tmp_path, told, work)

    assert sorted(one.body["n"] for one in told.messages) == list(range(400))
    assert told.recorded < 100, "one wait for the record serves many files"


def test_a_folder_that_is_missing_is_said_and_waited_for(tmp_path: Path) -> None:
    told = Told()

    async def work(device: Any) -> None:
        await until(lambda: told.downs)
        (tmp_path / "in").mkdir()
        await until(lambda: told.is_up)
        put(tmp_path / "in", "a.json", '{"n": 1}')
        await until(lambda: told.messages)

    with_files(tmp_path, told, work)

    assert len(told.downs) == 1 and "no such folder; create it, or correct `path`" in told.downs[0]


def test_points_that_do_not_fit_are_refused() -> None:
    for own, why in [
        ({}, "give one of `take`"),
        ({"take": "a", "put": "b"}, "give one of `take`"),
        ({"take": "../x"}, "no .."),
        ({"put": "/etc"}, "no / at the beginning"),
        ({"put": "a", "key": "/id"}, "are for an input"),
        ({"take": "a", "format": "text", "key": "/id"}, "a text has no places"),
    ]:
        with pytest.raises(ValueError, match=why):
            FilesPoint(**own)  # type: ignore[arg-type]
    with pytest.raises(DeviceError, match="letter is a report: it is written, give `put`"):
        DRIVER.open(
            FilesSettings(path="/x"), context(Told(), Path("/x"), [Point("letter", "report", FilesPoint(take="a"))])
        )
