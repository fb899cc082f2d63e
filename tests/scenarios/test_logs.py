"""What the daemon says can be read: by what it is about, after a kill too; and it holds no secret (G6)."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from scenarios.serving import Site, site

from ripieno_daemon.inquiry.past import opened

TOKEN, PASSWORD, KEY = "tok-5e1f9a7c3b", "pass-8c2d4e6f10", "key-77aa31bb95"


def logs(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ripieno_daemon", "logs", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def entries(*words: str) -> list[dict]:
    told = logs(*words, "--json", "-")
    return json.loads(told.stdout)["entries"]


async def openings(line: Site, count: int) -> None:
    async with asyncio.timeout(30):
        while len(line.rig.plant.gate.openings) < count:  # noqa: ASYNC110  another process is watched
            await asyncio.sleep(0.05)


def test_what_was_said_is_read_by_what_it_is_about_after_a_kill_too(tmp_path: Path) -> None:
    async def live() -> None:
        async with site(tmp_path) as line:
            async with line.daemon() as daemon:
                await daemon.until("ready")
                line.start_belt()
                await openings(line, 2)
                daemon.process.kill()
                await daemon.process.wait()
            async with line.daemon() as daemon:
                await daemon.until("ready")
                daemon.process.terminate()
                assert await daemon.process.wait() == 0

    asyncio.run(live())
    state = ("--state", str(tmp_path / "state"))

    everything = entries(*state, "-n", "0")
    assert [one["event"] for one in everything].count("ready") == 2, "what was said before the kill is there"
    assert everything[-1]["event"] == "stopped"
    assert [one["at_us"] for one in everything] == sorted(one["at_us"] for one in everything)
    conveyor = entries(*state, "--device", "conveyor")
    assert conveyor and {one["device"] for one in conveyor} == {"conveyor"}
    assert {one["level"] for one in entries(*state, "--level", "notice")} <= {"notice", "warning", "error"}
    assert not [one for one in everything if one["event"] == "decision"], "each part is in the record, not in the log"

    decided = [one for one in entries(*state, "--decisions", "-n", "0") if one["event"] == "decision"]
    assert len(decided) >= 2 and {one["pipeline"] for one in decided} == {"quality-control"}
    mine = entries(*state, "--item", decided[0]["item"])
    assert decided[0] in mine
    assert {one["item"] for one in mine} == {decided[0]["item"]}

    shown = logs(*state, "-n", "1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d [\d:.]{12} notice  stopped: outputs are safe.*\n", shown.stdout)
    nothing = logs(*state, "--until", "2020-01-01")
    assert (nothing.returncode, nothing.stdout) == (1, "") and "nothing of that" in nothing.stderr
    wrong = logs(*state, "--since", "soon")
    assert wrong.returncode == 2 and "is no time: say 90s" in wrong.stderr
    few = json.loads(logs(*state, "-n", "0", "--bytes", "600", "--json", "-").stdout)["entries"]
    assert 0 < len(few) < 6 and few == everything[-len(few) :]


def test_who_follows_sees_what_comes(tmp_path: Path) -> None:
    async def look() -> str:
        async with site(tmp_path) as line, line.daemon() as daemon:
            await daemon.until("ready")
            following = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ripieno_daemon", "logs", "-f", "-n", "1", "--json", "-"),
                *("--state", str(tmp_path / "state")),
                stdout=asyncio.subprocess.PIPE,
            )
            assert following.stdout is not None
            await following.stdout.readline()
            await daemon.ask("safe", why="a hand in the belt")
            try:
                async with asyncio.timeout(20):
                    while "a hand in the belt" not in (told := (await following.stdout.readline()).decode()):
                        pass
                return told
            finally:
                following.kill()
                await following.wait()

    assert json.loads(asyncio.run(look()))["event"] == "alarm"


class Indiscreet(BaseHTTPRequestHandler):
    """A service that refuses, and repeats what it was told in its answer."""

    def do_POST(self) -> None:
        answer = json.dumps({"error": f"no: {self.headers['Authorization']}"}).encode()
        self.send_response(401, f"not {self.headers['Authorization']}")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_POST

    def log_message(self, format: str, *arguments: object) -> None:
        """Be quiet."""


@contextmanager
def indiscreet() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Indiscreet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def plant(line: Site, port: int) -> None:
    """Put a secret wherever a device file can have one."""
    token, keys = line.folder / "token", line.folder / "keys"
    token.write_text(f"{TOKEN}\n")
    keys.write_text(f"{KEY}\n")
    for file in (token, keys):
        file.chmod(0o600)
    text = line.device_file.read_text()
    booking = (
        f"{{driver: http-booking, url: 'http://127.0.0.1:{port}/stock', token_file: '{token}', "
        f"secret_headers: {{X-Key: '{keys}'}}}}"
    )
    text = text.replace("{driver: sqlite-booking, path: stock.sqlite}", booking)
    text = text.replace("{device: warehouse}", "{device: warehouse, path: /stock}")
    camera = f"  gate_view: {{driver: rtsp, url: 'rtsp://camera:{PASSWORD}@127.0.0.1:{port}/main'}}\n"
    line.device_file.write_text(text.replace("inputs:\n", f"{camera}inputs:\n", 1))


def everything_written(folder: Path, said: list[str]) -> dict[str, str]:
    """Return all that a person or a fleet may be shown: what was said, the own log, the record, answers."""
    found = {"said": "\n".join(said)}
    for path in (folder / "state/logs").iterdir():
        found[path.name] = path.read_text()
    with opened(folder / "state") as past:
        found["record"] = "\n".join((row.payload or b"").decode("latin-1") for row in past.rows())
    return found


def leaks(tmp_path: Path) -> tuple[dict[str, str], list[str]]:
    """Give a daemon with secrets a bad day; return what it wrote, and where a secret is in it."""

    async def live() -> list[str]:
        said: list[str] = []
        with indiscreet() as port:
            async with site(tmp_path) as line:
                plant(line, port)
                for end in ("kill", "terminate"):
                    async with line.daemon() as daemon:
                        await daemon.until("said", "conveyor: up", seconds=60)
                        if end == "kill":
                            line.start_belt()
                        await daemon.until("said", "gate_view: down", seconds=60)
                        await daemon.until("said", "correct the token", seconds=60)
                        good = line.device_file.read_text()
                        line.device_file.write_text(good.replace("driver: rtsp", "driver: rtsq"))
                        said.append(json.dumps(await daemon.ask("reload")))
                        line.device_file.write_text(good)
                        said += [json.dumps(await daemon.ask(what)) for what in ("status", "alarms", "metrics")]
                        getattr(daemon.process, end)()
                        await daemon.process.wait()
                        said += [*daemon.noise, *map(json.dumps, daemon.said), *daemon.notified]
        return said

    found = everything_written(tmp_path, asyncio.run(live()))
    secrets = (TOKEN, PASSWORD, KEY)
    return found, [f"{name}: {secret}" for name, text in found.items() for secret in secrets if secret in text]


def test_no_secret_is_in_what_was_said_logged_or_recorded(tmp_path: Path) -> None:
    found, leaked = leaks(tmp_path)

    assert leaked == []
    assert "correct the token" in found["said"], "the service has refused ours"
    assert "gate_view" in found["log"] and "warehouse" in found["log"]
    assert len(found["record"]) > 1_000


def test_the_search_finds_a_secret_in_a_record_that_is_packed(tmp_path: Path) -> None:
    """Negative control: a name of the plan, which the record does hold, is found by the same search."""

    async def live() -> None:
        async with site(tmp_path) as line, line.daemon() as daemon:
            await daemon.until("ready")
            daemon.process.terminate()
            await daemon.process.wait()

    asyncio.run(live())

    written = everything_written(tmp_path, [])
    assert "quality-control" in written["record"] and "photo_eye" in written["record"]
