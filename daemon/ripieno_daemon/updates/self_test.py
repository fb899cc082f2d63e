"""Runs the child that tries a staged release, and takes its verdict; whatever the release does to it, this returns."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Final

import msgpack

from .verdict import CRASHED, HUNG, Failure, Verdict, from_plain

CHILD: Final = "ripieno_daemon.updates.trying"
LONGEST_S: Final = 120.0
NICED: Final = ("nice", "-n", "5")  # the line comes first; at 10 a machine with other work leaves it nothing
LAST_WORDS: Final = 300
SIGNALS: Final = {4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL", 11: "SIGSEGV", 24: "SIGXCPU"}


async def self_test(
    new: str, before: str, changes: float, runtime: str | None = None, longest_s: float = LONGEST_S
) -> Verdict:
    """Return what is wrong with the bundle in the folder `new`, tried on this device beside what runs.

    Args:
        before: the folder of the confirmed bundle, "" for none.
        changes: share of its golden inputs that may be decided otherwise.
    """
    options = ["--changes", str(changes), *(["--runtime", runtime] if runtime else [])]
    return await run_child([*options, new, *([before] if before else [])], longest_s)


async def run_child(arguments: Sequence[str], longest_s: float) -> Verdict:
    """As `self_test`, with the words of the child's command line. `nice`: the line comes first."""
    child = await asyncio.create_subprocess_exec(
        *NICED,
        sys.executable,
        "-m",
        CHILD,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
    )
    try:
        async with asyncio.timeout(longest_s):
            written, said = await child.communicate()
    except TimeoutError:
        return _failed(HUNG, f"the self-test did not end within {longest_s:g} s")
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    words = " ".join(said.decode(errors="replace").split())[-LAST_WORDS:]
    if child.returncode:
        code = child.returncode
        how = f"status {code}" if code > 0 else SIGNALS.get(-code, f"signal {-code}")
        return _failed(CRASHED, f"the process that tried it died: {how}; {words}")
    try:
        return from_plain(msgpack.unpackb(written, raw=False))
    except Exception as error:  # what a dying child wrote may be anything; msgpack raises many kinds
        return _failed(CRASHED, f"the process that tried it wrote no verdict ({type(error).__name__}); {words}")


def _failed(name: str, why: str) -> Verdict:
    return Verdict((Failure(name, why),))
