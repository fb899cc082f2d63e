"""The local socket: who asks is told by the kernel; a rude caller costs nobody else anything."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ripieno_daemon.ports.local_socket import MOST_CALLERS, LocalClient, LocalSocket, NobodyAnswers, Peer


async def echo(asked: dict[str, Any], peer: Peer) -> dict[str, Any]:
    return {"ok": True, "asked": asked, "uid": peer.uid, "may": peer.may_change, "who": str(peer)}


def with_server(path: Path, then: Callable[[Path], Any]) -> Any:
    async def run() -> Any:
        async with LocalSocket(path, echo):
            return await asyncio.to_thread(then, path)

    return asyncio.run(run())


def ask(path: Path) -> dict[str, Any]:
    client = LocalClient(path)
    try:
        return client.ask("status", why="x")
    finally:
        client.close()


def test_a_request_is_answered_and_the_kernel_says_who_asked(tmp_path: Path) -> None:
    answer = with_server(tmp_path / "s", ask)

    assert answer["asked"] == {"ask": "status", "why": "x"}
    assert answer["uid"] == os.getuid()
    assert answer["may"] is True


def test_a_stranger_may_look_and_not_change() -> None:
    stranger = Peer(uid=54321, pid=1, groups=frozenset({54321}))
    member = Peer(uid=54321, pid=1, groups=frozenset({54321, os.getegid()}))

    assert not stranger.may_change
    assert member.may_change
    assert str(stranger) == "uid 54321"


def test_the_socket_is_for_its_user_and_group_alone(tmp_path: Path) -> None:
    mode = with_server(tmp_path / "s", lambda path: stat.S_IMODE(path.stat().st_mode))

    assert mode == 0o660


def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    """sun_path has 108 bytes; a state directory may be deeper."""
    deep = tmp_path / ("d" * 60) / ("e" * 60) / "control.sock"
    deep.parent.mkdir(parents=True)

    assert with_server(deep, ask)["ok"]


def test_a_socket_left_by_a_process_that_died_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(tmp_path / "s"))
    left.close()

    assert with_server(tmp_path / "s", ask)["ok"]
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("rude", [b"\xff\xfe\x00\n", b"[]\n", b"no json\n", b"x" * 100_000, b'{"ask": 1'])
def test_a_rude_caller_loses_its_line_and_the_next_is_served(rude: bytes, tmp_path: Path) -> None:
    def then(path: Path) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(5)
            line.connect(str(path))
            try:
                line.sendall(rude)
                line.shutdown(socket.SHUT_WR)
                assert line.recv(100) == b""
            except (BrokenPipeError, ConnectionResetError):
                pass
        return ask(path)

    assert with_server(tmp_path / "s", then)["ok"]


def test_callers_are_bounded(tmp_path: Path) -> None:
    def then(path: Path) -> bytes:
        lines = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(MOST_CALLERS + 1)]
        try:
            for line in lines:
                line.settimeout(5)
                line.connect(str(path))
                line.sendall(b'{"ask": "x"}\n')
            for line in lines[:-1]:
                assert line.recv(1000)
            return lines[-1].recv(100)
        except ConnectionResetError:
            return b""
        finally:
            for line in lines:
                line.close()

    assert with_server(tmp_path / "s", then) == b""


def test_nobody_there_is_said_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(NobodyAnswers, match=r"no daemon answers.*systemctl status ripieno"):
        LocalClient(tmp_path / "none")
