"""The local socket: people and programs of this machine ask the running daemon. One JSON object a line, each way.

Who asks is told by the kernel (SO_PEERCRED, SO_PEERGROUPS), never by what is sent. The socket is 0660: root, the
daemon's user and members of its group. A caller that is slow, loud or silent is dropped and costs nothing more.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import socket
import stat
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ripieno.errors import RipienoError

LONGEST_REQUEST: Final = 512 << 10  # a message of 64 kB, whatever its signs need as JSON
LONGEST_ANSWER: Final = 4 << 20
MOST_CALLERS: Final = 16
ASK_S: Final = 30.0
IDLE_S: Final = 600.0
_SO_PEERGROUPS: Final = 59
_LONGEST_PATH: Final = 107


class NobodyAnswers(RipienoError):
    """There is no daemon at the socket; the message names it and the mend."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asks."""

    uid: int
    pid: int
    groups: frozenset[int]

    def __str__(self) -> str:
        try:
            return f"{pwd.getpwuid(self.uid).pw_name} (uid {self.uid})"
        except KeyError:
            return f"uid {self.uid}"

    @property
    def may_change(self) -> bool:
        """Whether it may change what machines do: root, this user, or a member of this process's group."""
        return self.uid in (0, os.geteuid()) or os.getegid() in self.groups


Answer = Callable[[dict[str, Any], Peer], Awaitable[dict[str, Any]]]


class LocalSocket:
    """The server, as long as the block lasts. A left-over socket of a process that died is replaced.

    Raises:
        OSError: there can be no socket there.
    """

    def __init__(self, path: Path, answer: Answer) -> None:
        self.path = path
        self._answer = answer
        self._server: asyncio.AbstractServer | None = None
        self._callers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> LocalSocket:
        self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        try:
            if stat.S_ISSOCK(self.path.stat().st_mode):
                self.path.unlink()
        except FileNotFoundError:
            pass
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            with _Reachable(self.path) as name:
                listening.bind(name)
            self.path.chmod(0o660)
            self._server = await asyncio.start_unix_server(self._called, sock=listening, limit=LONGEST_REQUEST)
        except BaseException:
            listening.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)
        try:
            self.path.unlink()
        except OSError:
            pass  # somebody removed it; nobody can reach it now, which is what was wanted

    async def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._callers) >= MOST_CALLERS:
            writer.close()
            return
        self._callers.add(task)
        try:
            await self._converse(reader, writer)
        except (OSError, ValueError, RecursionError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the caller is gone, says what is no request, or takes no answer: its line is closed
        finally:
            self._callers.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = _peer(writer.get_extra_info("socket"))
        while True:
            async with asyncio.timeout(IDLE_S):
                line = await reader.readline()
            if not line:
                return
            request = json.loads(line)
            if not isinstance(request, dict):
                raise ValueError("no object")
            answer = await self._answer(request, peer)
            async with asyncio.timeout(ASK_S):
                writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
                await writer.drain()


class LocalClient:
    """A caller, for the command line; it blocks.

    Raises:
        NobodyAnswers: there is no daemon there, or it may not be asked.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._line.settimeout(ASK_S)
        try:
            with _Reachable(path) as name:
                self._line.connect(name)
        except PermissionError as error:
            raise NobodyAnswers(f"{path}: you may not ask; become a member of the group that owns it") from error
        except OSError as error:
            raise NobodyAnswers(
                f"{path}: no daemon answers ({error.strerror or error}); is it running? `systemctl status ripieno`"
            ) from error
        self._file = self._line.makefile("rb")

    def ask(self, ask: str, **arguments: object) -> dict[str, Any]:
        """Return the answer."""
        try:
            self._line.sendall(json.dumps({"ask": ask, **arguments}).encode() + b"\n")
            line = self._file.readline(LONGEST_ANSWER)
        except OSError as error:
            raise NobodyAnswers(f"{self._path}: the daemon went away: {error}") from error
        if not line:
            raise NobodyAnswers(f"{self._path}: the daemon closed the line")
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._line.close()


class _Reachable:
    """A name of at most 107 bytes for a socket's path, which may be longer: by its folder's descriptor."""

    def __init__(self, path: Path) -> None:
        self._path, self._fd = path, -1

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) <= _LONGEST_PATH:
            return str(self._path)
        self._fd = os.open(self._path.parent, os.O_PATH | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._fd}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)


def _peer(line: Any) -> Peer:
    pid, uid, gid = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        raw = line.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4096)
    except OSError:
        raw = b""  # a kernel older than 4.13
    groups = struct.unpack(f"{len(raw) // 4}i", raw[: len(raw) // 4 * 4])
    return Peer(uid, pid, frozenset((gid, *groups)))
