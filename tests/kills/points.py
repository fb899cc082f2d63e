"""Points: the n-th call of a name by a victim is where it is killed, or where the disk refuses.

A victim is a fork of this process, which has everything imported already: it waits until strace has attached, so that a
point costs some tens of milliseconds. What it was told is durable comes back through shared memory, without a call.
A victim works in one thread: its calls come in the same order each time.
"""

from __future__ import annotations

import collections
import ctypes
import mmap
import os
import re
import shutil
import subprocess
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .victims import VICTIMS, Told, Victim

WRITES = ("pwrite64", "write")
SYNCS = ("fsync", "fdatasync")
NAMES = ("rename", "renameat2", "unlink", "unlinkat", "link", "linkat", "mkdir", "rmdir", "symlink", "symlinkat")
OTHERS = ("openat", "ftruncate", "fallocate")
CALLS = (*WRITES, *SYNCS, *NAMES, *OTHERS)
REFUSALS = {
    "ENOSPC": (*WRITES, "openat", "mkdir", "link", "linkat", "symlink", "ftruncate", "fallocate"),
    "EIO": (*WRITES, *SYNCS, "rename", "renameat2", "unlink"),
    "EINTR": WRITES,
    "EMFILE": ("openat",),
}
KILL = "kill"
PATIENCE_S = 60
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\(")
_PR_SET_PTRACER = 0x59616D61


@dataclass(frozen=True, slots=True)
class Point:
    """`how`: "kill", or the name of an error."""

    victim: str
    call: str
    count: int
    how: str

    def __str__(self) -> str:
        return f"{self.victim}:{self.call}:{self.count}:{self.how}"

    @classmethod
    def parse(cls, text: str) -> Point:
        """Read what `str` gave."""
        victim, call, count, how = text.split(":")
        return cls(victim, call, int(count), how)


def points_of(victim: Victim) -> Iterator[Point]:
    """Run a victim once and yield all of its points."""
    with tempfile.TemporaryDirectory(prefix="ripieno-kills-") as root:
        log = Path(root) / "calls"
        folder = Path(root) / "f"
        victim.prepare(folder)
        _, code = _run(victim, folder, [f"-o{log}", f"-etrace={','.join(CALLS)}"])
        assert code == 0, f"{victim.name} does not come to its end by itself"
        victim.check(folder, Told.END)
        counts = collections.Counter(
            found[1] for line in log.read_text().splitlines() if (found := _LINE.match(line)) is not None
        )
    for call, count in sorted(counts.items()):
        for number in range(1, count + 1):
            yield Point(victim.name, call, number, KILL)
            for how, calls in REFUSALS.items():
                if call in calls:
                    yield Point(victim.name, call, number, how)


def try_point(point: Point) -> str:
    """Run a victim to a point and look at what it left; return what is broken, "" for nothing."""
    victim = VICTIMS[point.victim]
    with tempfile.TemporaryDirectory(prefix="ripieno-kills-") as root:
        folder = Path(root) / "f"
        victim.prepare(folder)
        what = "signal=SIGKILL" if point.how == KILL else f"error={point.how}"
        inject = f"-einject={point.call}:{what}:when={point.count}"
        told, code = _run(victim, folder, ["-o/dev/null", f"-etrace={point.call}", inject])
        try:
            if point.how == KILL:
                assert code < 0, f"it was not killed ({code})"
            else:
                assert code == 0, "an error that nobody expects, see above"
            victim.check(folder, told)
            victim.again(folder)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__}: {str(error)[:300]} ({Path(where.filename).name}:{where.lineno})"
    return ""


def _run(victim: Victim, folder: Path, options: list[str]) -> tuple[int, int]:
    """Run a victim under strace; return what it was told last, and how it ended (a signal is negative)."""
    told = mmap.mmap(-1, 4096)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _be(victim, folder, told, read_end, write_end)
    os.close(read_end)
    strace = shutil.which("strace")
    assert strace is not None
    tracer = subprocess.Popen([strace, "-f", *options, "-p", str(child)], stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    line = tracer.stderr.readline()
    assert "attached" in line, line
    os.close(write_end)  # it may begin
    tracer.stderr.read()
    tracer.wait(PATIENCE_S)
    _, status = os.waitpid(child, 0)
    value = int.from_bytes(told[:8], "big")
    told.close()
    return value, os.waitstatus_to_exitcode(status)


def _be(victim: Victim, folder: Path, told: mmap.mmap, read_end: int, write_end: int) -> None:
    code = 1
    try:
        os.close(write_end)
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1).value, 0, 0, 0)
        os.read(read_end, 1)

        def tell(number: int) -> None:
            told[:8] = number.to_bytes(8, "big")

        victim.act(folder, tell)
        code = 0
    except victim.expected:
        code = 0  # a refusal that was told is no failure; `check` looks at what is left
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
