"""A service desk: the real daemon with questions by command line, topic and folder, records, and answers every way."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from ripieno.language.declared import declared_models
from ripieno_daemon.bundles import seal
from ripieno_daemon.ports.local_socket import LocalClient, NobodyAnswers

PIPELINE = """\
ripieno: 1
name: desk
version: "1"
inputs:
  told:      {kind: message, fields: {text: text, customer: number}}
  heard:     {kind: message, fields: {text: text, customer: number}}
  left:      {kind: message, fields: {text: text}}
  customers: {kind: record, fields: {name: text, balance: number, active: bool}}
  accounts:  {kind: record, fields: {owner: text}}
outputs:
  reply:  {kind: message}
  answer: {kind: message}
  letter: {kind: report}
  noted:  {kind: booking}
items:
  question: {starts: told, decide_within: 20s}
  call:     {starts: heard, decide_within: 20s}
  paper:    {starts: left, decide_within: 20s}
steps:
  customer: {lookup: customers, by: told.customer, each: question, deadline: 5s}
  account:  {lookup: accounts, by: heard.customer, each: call, deadline: 5s}
rules:
  known:
    each: question
    when: customer.found and customer.active
    verdict: answered
    do: 'reply.send(question, to=customer.name, text=told.text, balance=customer.balance)'
  unknown:
    each: question
    after: question.undecided
    do: 'reply.send(question, to="nobody", text=told.text)'
  owned:
    each: call
    when: account.found
    verdict: answered
    do: 'answer.send(call, to=account.owner, text=heard.text)'
  lost_call:
    each: call
    after: call.undecided
    do: 'noted.add(call, text=heard.text)'
  lost_paper:
    each: paper
    after: paper.undecided
    do: 'noted.add(paper, text="unread")'
  kept:
    each: paper
    when: left.text != ""
    verdict: answered
    do: ['letter.write(paper, text=left.text)', 'noted.add(paper, text=left.text)']
"""
DEVICE = """\
ripieno: 1
device: {{id: desk-1}}
pipelines: [bundles/desk]
devices:
  counter: {{driver: inbox}}
  crm:     {{driver: sqlite-records, path: "{folder}/crm.sqlite"}}
  web:     {{driver: http-records, url: "http://127.0.0.1:{http}"}}
  stock:   {{driver: http-booking, url: "http://127.0.0.1:{http}/api", token_file: "{folder}/token"}}
  broker:  {{driver: mqtt-messages, host: 127.0.0.1, port: {mqtt}}}
  office:  {{driver: files, path: "{folder}/office"}}
  log:     {{driver: sqlite-booking, path: log.sqlite}}
inputs:
  told:      {{device: counter}}
  heard:     {{device: broker, listen: desk/asked}}
  left:      {{device: office, take: in}}
  customers: {{device: crm, table: customers, key: number,
               columns: {{name: name, balance: balance, active: active}}}}
  accounts:  {{device: web, path: "/accounts/{{key}}", fields: {{owner: /holder/name}}}}
outputs:
  reply:  {{device: stock, path: /replies}}
  answer: {{device: broker, send: desk/answers}}
  letter: {{device: office, put: letters}}
  noted:  {{device: log}}
storage: {{state: state}}
"""


def make(folder: Path, http: int, mqtt: int) -> Path:
    """Write bundle, device file and databases; return the device file."""
    bundle = folder / "bundles/desk"
    bundle.mkdir(parents=True)
    (bundle / "pipeline.yaml").write_text(PIPELINE)
    declared = declared_models(str(bundle), lambda path: Path(path).read_bytes())
    seal(bundle, declared.models, name=declared.name, version=declared.version)
    (folder / "office/in").mkdir(parents=True)
    (folder / "token").write_text("s3cret\n")
    with closing(sqlite3.connect(folder / "crm.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE customers (number INTEGER PRIMARY KEY, name TEXT, balance REAL, active BOOL)")
        connection.execute("INSERT INTO customers VALUES (4711, 'Ada', 12.5, 1)")
    path = folder / "device.yaml"
    path.write_text(DEVICE.format(folder=folder, http=http, mqtt=mqtt))
    return path


class Desk:
    """One daemon process; it may be killed and started again."""

    def __init__(self, device_file: Path) -> None:
        self._file = device_file
        self.state = device_file.parent / "state"
        self.said: list[dict[str, Any]] = []
        self.process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.said.clear()
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ripieno_daemon", "run", "--device", str(self._file), "--json"),
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)},
        )
        self._listening = asyncio.create_task(self._listen(self.process), name="daemon's words")

    async def ready(self, seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while not any(one.get("event") == "ready" for one in self.said):
                assert self.process is not None and self.process.returncode is None, self.said
                await asyncio.sleep(0.01)

    async def kill(self) -> None:
        assert self.process is not None and self._listening is not None
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._listening

    async def stop(self) -> int:
        assert self.process is not None and self._listening is not None
        self.process.terminate()
        async with asyncio.timeout(15):
            status = await self.process.wait()
        await self._listening
        return status

    async def tell(self, text: str, customer: int, key: str) -> bool:
        """Ask once over the local socket; whether it was taken."""

        def once() -> bool:
            try:
                client = LocalClient(self.state / "control.sock")
            except NobodyAnswers:
                return False
            try:
                answer = client.ask("tell", input="told", body={"text": text, "customer": customer}, key=key)
            except NobodyAnswers:
                return False
            finally:
                client.close()
            return bool(answer["ok"])

        return await asyncio.to_thread(once)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            try:
                self.said.append(json.loads(line))
            except ValueError:
                self.said.append({"event": "noise", "text": line.decode(errors="replace")})
