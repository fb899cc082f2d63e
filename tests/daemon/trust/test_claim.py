"""A device joins with a one-time token: its key stays with it, and whoever stands between them gets nothing."""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from daemon.fleet.brokers import free_port

from ripieno_daemon.cli import main
from ripieno_daemon.ports import SystemClock
from ripieno_daemon.trust.certificates import read_certificate
from ripieno_daemon.trust.claim import BadClaim, Joined, Token, claim, new_token, parse_token, serve_claim
from ripieno_daemon.trust.founding import FleetFolder, found


def fleet_in(folder: Path) -> FleetFolder:
    return found(folder / "plant", "plant", ["127.0.0.1"], "127.0.0.1", 8883, SystemClock())


def play(folder: Path, body: Callable[[int, Token, list[bytes]], Any], limit_s: float = 20) -> Any:
    """Run the operator's end, and `body` against it; return what the operator's end said."""
    fleet = fleet_in(folder)
    server = fleet.root / "broker/broker.pem", fleet.root / "broker/broker.key"
    token = new_token(os.urandom(10), server[0].read_bytes())
    port, asked = free_port(), list[bytes]()

    def enrol(request: bytes) -> Joined:
        asked.append(request)
        path = fleet.enrol("line-3", request=request)
        return Joined("line-3", "broker: {}", {"device.pem": (path / "device.pem").read_bytes()})

    async def scene() -> Any:
        files = str(server[0]), str(server[1])
        serving = asyncio.create_task(serve_claim("127.0.0.1", port, files, token, enrol, limit_s))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(30):
            await body(port, token, asked)
            return (await asyncio.gather(serving, return_exceptions=True))[0]

    return asyncio.run(scene())


def test_a_claim_gives_a_certificate_for_a_key_that_was_made_here(tmp_path: Path) -> None:
    async def body(port: int, token: Token, _asked: list[bytes]) -> None:
        joined = await claim("127.0.0.1", port, parse_token(token.text.upper()))

        assert read_certificate(joined.files["device.pem"]).name == "line-3"
        for name in ("device.pem", "device.key"):
            (tmp_path / name).write_bytes(joined.files[name])
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(tmp_path / "device.pem", tmp_path / "device.key")

    given = play(tmp_path, body)
    assert given.device == "line-3" and "device.key" not in given.files
    assert not (tmp_path / "plant/devices/line-3/device.key").exists()


def test_a_wrong_secret_is_refused_and_five_end_it(tmp_path: Path) -> None:
    async def body(port: int, token: Token, asked: list[bytes]) -> None:
        for _ in range(5):
            with pytest.raises(BadClaim, match="this is not the token"):
                await claim("127.0.0.1", port, token._replace(secret=bytes(10)))
        assert asked == []

    assert "make a new token" in str(play(tmp_path, body))


def test_a_party_that_did_not_make_the_token_is_sent_nothing(tmp_path: Path) -> None:
    """Another fleet's broker certificate at the same place: somebody between the device and the operator."""

    async def body(port: int, token: Token, asked: list[bytes]) -> None:
        with pytest.raises(BadClaim, match="is not who made this token; nothing was sent"):
            await claim("127.0.0.1", port, token._replace(digest=bytes(16)))
        assert asked == []
        await claim("127.0.0.1", port, token)

    assert play(tmp_path, body).device == "line-3"


def test_nonsense_costs_only_its_connection_and_a_bad_request_is_told(tmp_path: Path) -> None:
    async def body(port: int, token: Token, _asked: list[bytes]) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        said = []
        wrong_request = json.dumps({"secret": token.secret.hex(), "request": "none"}).encode()
        for line in (b"GET / HTTP/1.1\r\n", b"[]", b"x" * 100_000, b'{"secret": 5}', wrong_request):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
            writer.write(line + b"\n")
            try:
                said.append(await reader.readline())
            except OSError:
                said.append(b"")
            writer.close()
        assert b"no certificate request" in said[-1]
        await claim("127.0.0.1", port, token)

    assert play(tmp_path, body).device == "line-3"


def test_a_token_that_nobody_claims_becomes_void(tmp_path: Path) -> None:
    async def body(_port: int, _token: Token, _asked: list[bytes]) -> None:
        pass

    assert "the token is void" in str(play(tmp_path, body, limit_s=0.1))


@pytest.mark.parametrize("text", ["", "abc", "x" * 41, "x" * 48, "1" * 42, "é" * 42])
def test_what_is_no_token_is_told(text: str) -> None:
    with pytest.raises(BadClaim, match="is no token"):
        parse_token(text)


def test_the_two_commands_join_a_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fleet, port = fleet_in(tmp_path), free_port()
    words = [sys.executable, "-m", "ripieno_daemon", "fleet", "token", str(fleet.root), "--device", "line-3"]
    words += ["--listen", "127.0.0.1", "--port", str(port), "--minutes", "1"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as operator:
        assert operator.stderr is not None
        told = "".join(operator.stderr.readline() for _ in range(2))
        found_token = re.search(r"ripieno enrol (\S+) (\S+) --into", told)
        assert found_token is not None, told
        into = tmp_path / "there"
        for _ in range(100):  # it says the token just before it listens
            code = main(["enrol", found_token[1], found_token[2], "--into", str(into), "--json", "-"])
            written = capsys.readouterr()
            if "Connect call failed" not in written.err:
                break
        assert code == 0, written.err
        assert operator.wait(20) == 0

    names = {path.name: path.stat().st_mode & 0o077 for path in into.iterdir()}
    assert names == dict.fromkeys(["ca.pem", "device.pem", "device.key", "policy.signed", "root.pub"], 0)
    assert f"root: {into}/root.pub" in json.loads(written.out)["broker"]
