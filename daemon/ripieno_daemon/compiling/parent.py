"""Runs the compile child and takes its answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgpack

from ripieno.errors import ConfigError, Problem
from ripieno.plan import Plan, PlanDamaged, decode

CHILD = "ripieno_daemon.compiling.child"
TIMEOUT_S = 15.0
LAST_WORDS = 400
SIGNALS = {6: "SIGABRT", 7: "SIGBUS", 9: "SIGKILL", 11: "SIGSEGV", 15: "SIGTERM", 24: "SIGXCPU"}  # Linux


class Compiled(NamedTuple):
    """A plan; the SHA-256 (hex) of every file that was read for it; each bundle's folder that is a link, and where it
    led then.
    """

    plan: Plan
    sources: Mapping[str, str]
    links: Mapping[str, str]


class NotCompiled(ConfigError):
    """The files have problems; `links` as of Compiled: which releases they were found with."""

    def __init__(self, problems: Sequence[Problem], links: Mapping[str, str]) -> None:
        self.links = links
        super().__init__(problems)


async def compile_in_child(path: str, timeout_s: float = TIMEOUT_S) -> Plan:
    """Return the plan of a device file.

    Raises:
        ConfigError: the files have problems, or the child died or took too long (one problem that says how).
    """
    return (await compile_with_sources(path, timeout_s)).plan


async def compile_with_sources(path: str, timeout_s: float = TIMEOUT_S) -> Compiled:
    """As `compile_in_child`, with what the plan was made from.

    Raises:
        NotCompiled: as `compile_in_child`.
    """
    answer = await _ask([path], path, timeout_s)
    plan = answer.get("plan")
    if isinstance(plan, bytes):
        try:
            return Compiled(decode(plan), answer["sources"], answer["links"])
        except PlanDamaged as error:
            raise _died(path, f"the compile step wrote a damaged plan: {error}") from error
    raise NotCompiled(_problems(answer), answer.get("links", {}))


async def check(path: str, timeout_s: float = TIMEOUT_S) -> list[Problem]:
    """Return the problems of a device file (and its bundles), of a bundle's folder or of a pipeline file."""
    try:
        return _problems(await _ask(["--check", path], path, timeout_s))
    except ConfigError as error:
        return list(error.problems)


async def _ask(arguments: list[str], path: str, timeout_s: float) -> Mapping[str, Any]:
    import asyncio  # not at the top: the child imports this package too, and 50 ms of its time would go into it

    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        CHILD,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    try:
        async with asyncio.timeout(timeout_s):
            written, said = await child.communicate()
    except TimeoutError as error:
        raise _died(path, f"the compile step took longer than {timeout_s:g} s") from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    words = " ".join(said.decode(errors="replace").split())[-LAST_WORDS:]
    if child.returncode:
        raise _died(path, f"the compile step died: {_how(child.returncode)}", words)
    try:
        answer = msgpack.unpackb(written, raw=False)
    except (ValueError, msgpack.UnpackException) as error:
        raise _died(path, "the compile step wrote something else than an answer", words) from error
    if not isinstance(answer, dict):
        raise _died(path, "the compile step wrote something else than an answer", words)
    return answer


def _how(code: int) -> str:
    if code > 0:
        return f"it ended with status {code}"
    name = SIGNALS.get(-code, f"signal {-code}")
    return f"{name}, it needed too much processor time" if name == "SIGXCPU" else f"it was ended by {name}"


def _died(path: str, message: str, hint: str = "") -> ConfigError:
    return NotCompiled([Problem(path, 0, 0, "", message, hint)], {})


def _problems(answer: Mapping[str, Any]) -> list[Problem]:
    return [Problem(**one) for one in answer.get("problems", ())]
