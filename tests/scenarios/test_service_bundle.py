"""A second kind of application: questions are understood, looked up, answered or routed, without code of its own."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from scenarios.desk import Desk

from ripieno_daemon.cli.main import main

BUNDLE = Path(__file__).parents[1] / "bundles/service"
DEVICE = """\
ripieno: 1
device: {{id: desk-2}}
pipelines: ["{bundle}"]
devices:
  counter: {{driver: inbox}}
  office:  {{driver: files, path: "{folder}/office"}}
  crm:     {{driver: sqlite-records, path: "{folder}/crm.sqlite"}}
  tasks:   {{driver: sqlite-booking, path: tasks.sqlite}}
inputs:
  asked:     {{device: {asked}}}
  customers: {{device: crm, table: customers, key: number, columns: {{name: name, tier: tier, balance: balance}}}}
outputs:
  reply: {{device: office, put: replies, readable: false}}
  desk:  {{device: tasks}}
storage: {{state: state}}
"""
# questions of our own; what each is about is what a person would say
OWN = {
    "My card was swallowed by the cash machine, what now?": "card_swallowed",
    "How do I change my PIN?": "change_pin",
    "What is the exchange rate for euros?": "exchange_rate",
    "My phone was stolen, please block everything": "lost_or_stolen_phone",
}


def make(folder: Path, asked: str = "counter") -> Path:
    """Write the device file and the customers; return the device file."""
    (folder / "office/in").mkdir(parents=True)
    with closing(sqlite3.connect(folder / "crm.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE customers (number INTEGER PRIMARY KEY, name TEXT, tier TEXT, balance REAL)")
        connection.executemany("INSERT INTO customers VALUES (?, ?, 'gold', 10)", [(n, f"C{n}") for n in range(1, 150)])
    path = folder / "device.yaml"
    path.write_text(DEVICE.format(folder=folder, bundle=BUNDLE, asked=asked))
    return path


def replies(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text())["fields"] for path in sorted((folder / "office/replies").glob("*.json"))]


def tasks(folder: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / "state/tasks.sqlite")) as connection:
        return [json.loads(row[0]) for row in connection.execute("SELECT fields FROM bookings ORDER BY wall_ns")]


async def settled(folder: Path, wanted: int) -> None:
    async with asyncio.timeout(60):
        while len(replies(folder)) + len(tasks(folder)) < wanted:  # noqa: ASYNC110  # another process writes them
            await asyncio.sleep(0.02)


def test_questions_are_answered_or_routed_and_why_and_replay_know_it(tmp_path: Path, capsys: Any) -> None:
    desk = Desk(make(tmp_path))
    state = ["--state", str(tmp_path / "state")]

    def asked() -> list[dict[str, Any]]:
        capsys.readouterr()
        main(["asks", *state, "--json", "-"])
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["asks"]
        return found

    async def run() -> None:
        await desk.start()
        await desk.ready()
        for number, text in enumerate(OWN, 1):
            body = json.dumps({"text": text, "customer": number})
            assert await asyncio.to_thread(main, ["tell", "asked", "--body", body, "--key", f"m{number}", *state]) == 0
        nobody = json.dumps({"text": "blah blah of $40 for account 12345678", "customer": 777})
        assert await asyncio.to_thread(main, ["tell", "asked", "--body", nobody, "--key", "m9", *state]) == 0
        async with asyncio.timeout(30):
            while not (open_asks := [one for one in asked() if one["show"]["amount"] == 40.0]):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        (ask,) = open_asks
        assert ask["role"] == "agent" and ask["show"]["name"] is None
        wrong = ["answer", ask["id"], "perhaps", *state]
        right = ["answer", ask["id"], "explain", "--as", "Grace", *state]
        assert await asyncio.to_thread(main, wrong) == 1
        assert await asyncio.to_thread(main, right) == 0
        assert await asyncio.to_thread(main, right) == 1, "it is answered already"
        for one in asked():  # what the model was not sure of
            assert await asyncio.to_thread(main, ["answer", one["id"], "call_back", "--as", "Ada", *state]) == 0
        await settled(tmp_path, len(OWN) + 1)
        assert await desk.stop() == 0

    asyncio.run(run())
    done = replies(tmp_path) + tasks(tmp_path)
    capsys.readouterr()
    code = main(["replay", str(tmp_path / "state"), "--bundle", str(BUNDLE), "--json", "-"])
    replayed = json.loads(capsys.readouterr().out)

    assert {one["intent"] for one in done} >= set(OWN.values())
    assert [one["by"].split(" (")[0] for one in tasks(tmp_path) if one["what"] == "explain"] == ["Grace"]
    assert (code, replayed["grade"], replayed["mismatches"]) == (0, "L1", 0)
    assert replayed["decisions"] == len(OWN) + 1


@pytest.mark.skipif(not os.environ.get("RIPIENO_DATA"), reason="RIPIENO_DATA is not set")
def test_published_questions_are_each_answered_or_routed_once(tmp_path: Path) -> None:
    """100 questions of the test part come as files; each ends as one reply or one open question, none is lost."""
    with Path(os.environ["RIPIENO_DATA"], "text/banking77/test.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[::15][:100]
    desk = Desk(make(tmp_path, "office, take: in"))

    async def run() -> list[dict[str, Any]]:
        await desk.start()
        await desk.ready()
        for number, row in enumerate(rows):
            body = json.dumps({"text": row["text"], "customer": number + 1})
            (tmp_path / f"office/.{number}").write_text(body)
            (tmp_path / f"office/.{number}").rename(tmp_path / f"office/in/q{number:03d}.json")
        async with asyncio.timeout(60):
            while True:
                client_asks = await asyncio.to_thread(_asks, desk)
                if len(replies(tmp_path)) + len(client_asks) >= len(rows):
                    break
                await asyncio.sleep(0.1)
        assert await desk.stop() == 0
        return client_asks

    asks = asyncio.run(run())
    answered = replies(tmp_path)
    right = sum(one["intent"] == rows[int(one["to"].removeprefix("C")) - 1]["category"] for one in answered)

    assert len(answered) + len(asks) == len(rows)
    assert len(answered) >= 60 and right >= 0.9 * len(answered)


def _asks(desk: Desk) -> list[dict[str, Any]]:
    from ripieno_daemon.ports.local_socket import LocalClient

    client = LocalClient(desk.state / "control.sock")
    try:
        asks: list[dict[str, Any]] = client.ask("asks")["asks"]
        return asks
    finally:
        client.close()
