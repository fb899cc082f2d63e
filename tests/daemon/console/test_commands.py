"""The operator's commands against a real broker as `fleet init` configures it, with a device that is a process apart
from them in all but memory.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from daemon.console.whole import Whole
from daemon.fleet.brokers import MOSQUITTO, fleet_broker, tls_client

from ripieno_daemon.cli import main
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_daemon.trust.founding import FleetFolder

pytestmark = [pytest.mark.mosquitto, pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine")]


def whole(fleet: FleetFolder, folder: Path) -> Whole:
    broker = tls_client(fleet, "line-1")
    device = Whole(
        DiskStorage(folder), broker, SystemClock(), SystemEntropy(), (fleet.root / "policy.signed").read_bytes()
    )
    device.root = fleet.signer("root").public
    return device


class Operator:
    def __init__(self, fleet: FleetFolder, capsys: pytest.CaptureFixture[str]) -> None:
        self._root, self._capsys = str(fleet.root), capsys

    async def __call__(self, command: str, *words: str) -> tuple[int, Any]:
        code = await asyncio.to_thread(main, ["fleet", command, self._root, *words, "--json", "-"])
        written = self._capsys.readouterr()
        return code, json.loads(written.out) if written.out else written.err

    async def say(self, command: str, *words: str) -> tuple[int, str]:
        code = await asyncio.to_thread(main, ["fleet", command, self._root, *words])
        written = self._capsys.readouterr()
        return code, written.out + written.err


def play(folder: Path, capsys: Any, body: Callable[[Whole, Operator, FleetFolder], Any]) -> None:
    async def scene() -> None:
        async with asyncio.timeout(60), fleet_broker(folder) as fleet:
            device = whole(fleet, folder / "state")
            async with device.running():
                await body(device, Operator(fleet, capsys), fleet)

    asyncio.run(scene())


def test_an_operators_first_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def body(device: Whole, operator: Operator, fleet: FleetFolder) -> None:
        fleet.enrol("line-2", days=30)
        code, listed = await operator("ls")
        assert code == 0 and [(each["device"], each["is"]) for each in listed["devices"]] == [
            ("line-1", "online"),
            ("line-2", "silent"),
        ]
        assert (await operator.say("ls"))[1].splitlines()[1].split() == ["line-1", "online", "1", "abc", "policy", "1"]
        assert "line-2: its certificate ends in 29 days" in (await operator.say("ls"))[1]
        code, answer = await operator("cmd", "line-1", "status")
        assert (code, answer["state"], answer["result"]) == (0, "DONE", {"parts": 12})
        code, answer = await operator("cmd", "line-1", "logs", "lines=1")
        assert code == 0 and len(answer["result"]["lines"]) == 1
        code, report = await operator("set", "line-1", "share=0.4")
        assert code == 0 and report["effective"] == {"share": 0.4, "speed": 1}
        code, report = await operator("set", "line-1", "share=4", "colour=red")
        assert code == 1 and set(report["reasons"]) == {"share", "colour"}
        code, answer = await operator("set", "line-1", "share=0.2", "--expect", "1")
        assert (code, answer) == (1, {"error": "revision", "rev": 2})
        code, shown = await operator("show", "line-1")
        assert shown["settings"]["effective"] == {"share": 0.4, "speed": 1} and shown["state"]["plan"] == "abc"
        code, answer = await operator("cmd", "line-1", "stop")
        assert code == 0 and device.stops == ["stop from afar"]
        code, answer = await operator("cancel", "line-1", "00" * 16)
        assert (code, answer["reason"]) == (1, "unknown")

    play(tmp_path, capsys, body)


def test_a_changed_policy_reaches_a_device_and_binds_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def body(device: Whole, operator: Operator, fleet: FleetFolder) -> None:
        path = fleet.root / "policy.toml"
        path.write_text(path.read_text().replace('kinds = ["*"]', 'kinds = ["status", "policy"]'))
        assert (await operator("policy"))[1]["serial"] == 2
        code, answer = await operator("cmd", "line-1", "policy", f"signed=@{fleet.root}/policy.signed")
        assert (code, answer["result"]) == (0, {"serial": 2})
        code, answer = await operator("cmd", "line-1", "restart")

        assert (code, answer["reason"]) == (1, "not-allowed") and device.restarts == 0

    play(tmp_path, capsys, body)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("cmd", "line-1", "dance"), "there is no kind 'dance'; there are status, logs,"),
        (("cmd", "line-1", "why"), "why wants 'id'"),
        (("cmd", "line-1", "why", "part 12"), "'part 12' should be NAME=VALUE"),
        (("cmd", "line-1", "logs", "lines=many"), "lines: 'many' is no int"),
        (("cmd", "line-1", "policy", "signed=@/nowhere"), "No such file"),
        (("cancel", "line-1", "xyz"), "'xyz' is no id of an order"),
        (("set", "line-1", "speed"), "'speed' should be NAME=VALUE"),
    ],
)
def test_a_wrong_call_is_told_before_anything_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], text: str
) -> None:
    assert main(["fleet", words[0], str(tmp_path), *words[1:]]) == 2
    assert text in capsys.readouterr().out


def test_no_broker_and_no_such_device_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def body(device: Whole, operator: Operator, fleet: FleetFolder) -> None:
        code, said = await operator.say("cmd", "line-7", "status")
        assert code == 1 and "no device 'line-7' has told its state to this broker; there is line-1" in said

    play(tmp_path, capsys, body)
    code = main(["fleet", "ls", str(tmp_path / "plant")])
    assert code == 1 and "Connection refused" in capsys.readouterr().err


def test_decommissioning_takes_away_what_the_broker_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def body(device: Whole, operator: Operator, fleet: FleetFolder) -> None:
        await operator("ls")
        code, told = await operator("decommission", "line-1")
        assert (code, told) == (0, {"device": "line-1", "revoked": True, "forgotten": True})
        _, listed = await operator("ls")

        assert [(each["device"], each["is"]) for each in listed["devices"]] == [("line-1", "revoked")]
        assert listed["devices"][0]["version"] is None

    play(tmp_path, capsys, body)


def test_garbage_on_the_command_topics_leaves_the_link_up_and_the_next_order_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Retained, oversized, deep, lying and torn messages, by somebody with a console's certificate and no key."""
    topic = "ripieno/1/plant/line-1/dn/cmd"

    async def body(device: Whole, operator: Operator, fleet: FleetFolder) -> None:
        client = tls_client(fleet, "console-4")
        up = asyncio.Event()
        task = asyncio.create_task(client.run([], lambda *_: None, up.set, lambda _why: None))
        await up.wait()
        junk = [b"", b"\xc1", b"\x91" * 60_000, b"\xdd\xff\xff\xff\xff", bytes(200_000), b"\x82\xa1v\x01\xa1v\x01"]
        for payload in junk * 5:
            await client.publish(topic, payload)
            await client.publish("ripieno/1/plant/all/cmd", payload)
            await client.publish("ripieno/1/plant/line-1/dn/des", payload, retain=bool(payload))
        await client.publish(topic, b"kept for the next connection", retain=True)
        code, answer = await operator("cmd", "line-1", "status")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert (code, answer["state"]) == (0, "DONE")
        assert device.desk.counts["format"] >= 30 and device.desk.counts["size"] >= 10
        assert not any("broker: down" in text for text in device.said)
        assert len(device.said) < 20, "a flood fills no log"
        assert not device.stops and not device.restarts and device.line.seen == []

    play(tmp_path, capsys, body)


def test_several_consoles_at_once_do_not_take_each_others_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def body(device: Whole, operator: Operator, fleet: FleetFolder) -> None:
        words = [sys.executable, "-m", "ripieno_daemon", "fleet", "watch", str(fleet.root), "--results", "--json"]
        watchers = [
            await asyncio.create_subprocess_exec(*words, "--count", "6", stdout=subprocess.PIPE) for _ in range(2)
        ]
        for number in range(400):
            if all(watcher.returncode is not None for watcher in watchers):
                break
            device.ledger.append("decision", number, b"x", stream=True)
            await device.ledger.flush()
            await asyncio.sleep(0.05)
            if number == 20:
                assert (await operator("cmd", "line-1", "status"))[0] == 0
        told = [(await watcher.communicate())[0].decode().splitlines() for watcher in watchers]

        assert all(len(lines) == 6 for lines in told)
        assert "s/results" in {json.loads(line)["what"] for line in told[0]}

    play(tmp_path, capsys, body)


def test_ripieno_consume_takes_results_into_a_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import sqlite3

    async def body(device: Whole, operator: Operator, fleet: FleetFolder) -> None:
        words = [sys.executable, "-m", "ripieno_daemon", "consume", "--fleet", str(fleet.root)]
        consumer = await asyncio.create_subprocess_exec(
            *words, "--into", str(tmp_path / "results.sqlite"), stderr=subprocess.PIPE
        )
        for number in range(300):
            device.ledger.append("decision", number, b"a result", stream=True)
        await device.ledger.flush()
        while device.outbox.backlog:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        consumer.terminate()
        _, said = await consumer.communicate()

        assert consumer.returncode == 0 and b"300 rows taken" in said
        with sqlite3.connect(tmp_path / "results.sqlite") as connection:
            assert connection.execute("SELECT COUNT(*), COUNT(DISTINCT seq) FROM rows").fetchone() == (300, 300)

    play(tmp_path, capsys, body)


def test_what_a_device_says_is_decoded_by_a_third_party_and_ten_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both blocks of docs/fleet.md as they stand there; only port and interpreter are this machine's."""

    async def body(device: Whole, operator: Operator, fleet: FleetFolder) -> None:
        assert shutil.which("mosquitto_sub")
        page = (Path(__file__).parents[3] / "docs/fleet.md").read_text().split("## Read what a device says")[1]
        call, lines = page.split("```sh\n")[1].split("```")[0], page.split("```python\n")[1].split("```")[0]
        assert lines.count("\n") <= 10 and "-p 8883 " in call and "| python3 read.py" in call
        (fleet.root.parent / "read.py").write_text(lines)
        call = call.replace("-p 8883 ", f"-p {fleet.port} ").replace("python3", sys.executable)
        shell = await asyncio.create_subprocess_shell(call, stdout=subprocess.PIPE, cwd=fleet.root.parent)
        said, _ = await shell.communicate()

        assert said.startswith(b"line-1 state boot 1 message ") and b"  'online': True" in said

    play(tmp_path, capsys, body)
