"""What does an order: one callable for each kind. The app hands in those that need it; here are those that do not.

An executor is called once the order is durable, with its arguments and `tell`, which sends a line on how far it is.
It returns what it found or did. It raises NotDone where it declines before it has done anything.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

from ripieno.contracts.ports import Clock
from ripieno.errors import RipienoError

MAX_OUTPUT_BYTES: Final = 150 * 1024
LAST_WORDS: Final = 400


class NotDone(RipienoError):
    """Declined, and nothing was done. `reason`: a short word."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class Executor(Protocol):
    """Does one kind of order.

    Raises:
        NotDone: an interlock holds, or what is asked for does not exist; nothing was done.
        RipienoError: it failed.
    """

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None], /) -> Mapping[str, Any]: ...


@runtime_checkable
class Outliving(Protocol):
    """An executor whose work ends the station that waits for it: the next one asks what became of it."""

    async def resumed(self) -> Mapping[str, Any] | None:
        """Return what came of what was begun last; None where nobody knows any more. Raises as a call does."""


@runtime_checkable
class ForRoles(Protocol):
    """An executor of a kind that is `for_roles`."""

    def role(self, args: Mapping[str, Any], /) -> str:
        """Return the role that this is about, "" where nothing of that kind is there (any more)."""


class Status:
    """`status`: what a callable says."""

    def __init__(self, look: Callable[[], Mapping[str, Any]]) -> None:
        self._look = look

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        return self._look()


class Safe:
    """`safe`: outputs safe now. Unlike a stop it is an order as others are, and leaves nothing to be cleared."""

    def __init__(self, make_safe: Callable[[str], None]) -> None:
        self._make_safe = make_safe

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        self._make_safe("asked for from afar")
        return {}


class Said:
    """What the daemon said lately, in memory: put it before `say`, and give `logs` to the desk."""

    def __init__(self, clock: Clock, say: Callable[[str], None], lines: int = 500) -> None:
        self._clock, self._say = clock, say
        self._lines: deque[tuple[int, str]] = deque(maxlen=lines)

    def __call__(self, text: str) -> None:
        """Say it and keep it."""
        self._lines.append((self._clock.wall_ns() // 1000, text[:2000]))
        self._say(text)

    async def logs(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        """`logs`: the last `lines` (100) as [us UTC, text], as many as fit."""
        wanted = list(self._lines)[-max(1, args.get("lines", 100)) :]
        room = MAX_OUTPUT_BYTES
        fitting: list[list[Any]] = []
        for at_us, text in reversed(wanted):
            room -= len(text.encode()) + 32
            if room < 0:
                break
            fitting.append([at_us, text])
        return {"lines": fitting[::-1]}


class Asked:
    """Questions that a command of `ripieno` answers, asked of it in a process of its own: `why` runs a ledger again,
    which would hold this loop for seconds. `niced`: what is put before the command, so that the line comes first.
    """

    def __init__(self, words: Callable[[Mapping[str, Any]], Sequence[str]], niced: Sequence[str] = ("nice",)) -> None:
        self._words, self._niced = words, tuple(niced)

    @classmethod
    def why(cls, state: str) -> Asked:
        """`why`: over the ledger in this folder."""
        return cls(lambda args: ["why", *_operand(args["id"]), "--state", state])

    @classmethod
    def check(cls, device_file: str) -> Asked:
        """`check`: this device's file, with the bundles that it names."""
        return cls(lambda args: ["check", *_operand(device_file)])

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        child = await asyncio.create_subprocess_exec(
            *self._niced,
            sys.executable,
            "-m",
            "ripieno_daemon",
            *self._words(args),
            "--json",
            "-",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            written, said = await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if len(written) > MAX_OUTPUT_BYTES:
            raise RipienoError(f"the answer has {len(written)} bytes; at most {MAX_OUTPUT_BYTES} are sent")
        try:
            answer = json.loads(written)
        except ValueError as error:
            words = " ".join(said.decode(errors="replace").split())[-LAST_WORDS:]
            raise RipienoError(f"it ended with status {child.returncode}: {words}") from error
        return {"code": child.returncode, "answer": answer}


def _operand(word: str) -> list[str]:
    """Return a word from outside as an operand: nothing in it is an option."""
    if word.startswith("-"):
        raise NotDone("arguments", f"{word!r} is no name")
    return [word]
