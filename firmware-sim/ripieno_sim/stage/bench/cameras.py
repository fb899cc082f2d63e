"""Two cameras on a daemon of its own; one is made to hang, again and again; what the other one shows meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from ripieno.engine import FrameSeen, unpack_event
from ripieno.errors import DeviceError
from ripieno.language.declared import declared_models
from ripieno_daemon.bundles import seal_async
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy

from ..scene import bundle_path

RATE_HZ: Final = 20.0
SIZE_PX: Final = (320, 240)
VIDEO_S: Final = 10
READY_S: Final = 60.0
REST_S: Final = 2.0
"""Between two stalls, so that the rate before each can be told."""
MODEL: Final = "models/bead.int8.tflite"
LABELS: Final = "[normal, over, under]"
PIPELINE: Final = f"""\
ripieno: 1
name: two-cameras
version: 1.0.0
inputs:
  one: {{kind: frame, max_age: 1s}}
  two: {{kind: frame, max_age: 1s}}
models:
  seen: {{file: model.tflite, task: classify, labels: {LABELS}}}
steps:
  first:  {{model: seen, input: one, frames: newest, deadline: 1s, report: changes}}
  second: {{model: seen, input: two, frames: newest, deadline: 1s, report: changes}}
"""
DEVICE: Final = """\
ripieno: 1
device: {id: bench-1}
pipelines: [bundle]
devices:
  left:  {driver: video, path: VIDEO, loop: true}
  right: {driver: video, path: VIDEO, loop: true}
inputs:
  one: {device: left}
  two: {device: right}
broker: {transport: none}
storage: {state: state}
"""
Show = Callable[[str], None]


@dataclass
class Daemon:
    """The daemon's process, and what it has said: (monotonic ns at which it was heard, text)."""

    process: asyncio.subprocess.Process
    said: list[tuple[int, str]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, text: str, after_ns: int = 0) -> int:
        """Wait until it says something that begins so; return when that was.

        Raises:
            DeviceError: it ended, or does not say it.
        """
        try:
            async with asyncio.timeout(READY_S):
                while True:
                    for at_ns, said in self.said:
                        if at_ns > after_ns and said.startswith(text):
                            return at_ns
                    if self.process.returncode is not None:
                        break
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        last = self.said[-1][1] if self.said else "nothing"
        raise DeviceError(f"the daemon does not say '{text}'; the last that it said: {last}")

    async def listen(self) -> None:
        """Take what it says until it ends."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            try:
                text = str(json.loads(line)["text"])
            except (ValueError, KeyError):
                text = line.decode(errors="replace").strip()
            self.said.append((time.monotonic_ns(), text))
            self._news.set()
        await self.process.wait()
        self._news.set()

    def captures(self) -> list[int]:
        """Return the pids of the cameras' processes, the oldest first."""
        found = []
        for pid in map(int, Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()):
            if b"cameras.capture.program" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        return sorted(found)


@asynccontextmanager
async def daemon(device: Path) -> AsyncIterator[Daemon]:
    """Run `ripieno run` as long as the block lasts."""
    call = (sys.executable, "-m", "ripieno_daemon", "run", "--device", str(device), "--json")
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = await asyncio.create_subprocess_exec(*call, stderr=asyncio.subprocess.PIPE, env=environ)
    running = Daemon(process)
    listening = asyncio.create_task(running.listen(), name="what the daemon says")
    try:
        yield running
        process.terminate()
        async with asyncio.timeout(15):
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
        await listening


async def measure(folder: Path, stalls: int, show: Show) -> dict[str, Any]:
    """Let one camera hang `stalls` times and return the figures. The folder must be empty.

    Raises:
        DeviceError: the daemon does not run.
    """
    show("making a video and a bundle")
    await _prepare(folder)
    noticed_ms, replaced_ms = [], []
    async with daemon(folder / "device.yaml") as running:
        await running.until("ready")
        other = max(running.captures())
        for number in range(stalls):
            show(f"stall {number + 1} of {stalls}")
            await asyncio.sleep(REST_S)
            victim = next(pid for pid in running.captures() if pid != other)
            began_ns = time.monotonic_ns()
            os.kill(victim, signal.SIGSTOP)
            noticed_ms.append((await running.until("left: down: stalled", began_ns) - began_ns) / 1e6)
            replaced_ms.append((await running.until("left: up", began_ns) - began_ns) / 1e6)
        await asyncio.sleep(REST_S)
        is_other_alone = other in running.captures()
    frames = await frames_of(folder / "state")
    before, during = rates_hz(frames)
    return {
        "rate_hz": RATE_HZ,
        "stalls": stalls,
        "noticed_ms": _spread(noticed_ms),
        "replaced_ms": _spread(replaced_ms),
        "other_rate_hz": {"before": round(before, 3), "during": round(during, 3)},
        "other_change_percent": round(100 * abs(during - before) / before, 2),
        "other_pictures_missing": missing([one.sequence for one in frames if one.input == "two"]),
        "other_was_left_alone": is_other_alone,
    }


async def frames_of(state: Path) -> list[FrameSeen]:
    """Return what the ledger holds of pictures."""
    ledger = await Ledger.open(DiskStorage(state).database("ledger.sqlite"), SystemClock(), SystemEntropy())
    events = [unpack_event(record.payload) async for record in ledger.records() if record.kind == "event"]
    await ledger.close()
    return [event for event in events if isinstance(event, FrameSeen)]


def rates_hz(frames: Sequence[FrameSeen], stalled: str = "one", other: str = "two") -> tuple[float, float]:
    """Return the pictures a second of the other camera: outside of stalls, and in them, from the last picture of the
    camera that stalls to its first one after.
    """
    inside, outside = [0, 0], [0, 0]
    mine = [one for one in frames if one.input == stalled]
    gaps = []
    for before, lost, after in zip(mine, mine[1:], mine[2:], strict=False):
        if lost.health == "stale":
            gaps.append((before.taken_t, after.taken_t))
    others = [one for one in frames if one.input == other]
    for first, second in pairwise(others):
        is_in = any(begin <= first.taken_t and second.taken_t <= end for begin, end in gaps)
        is_out = all(second.taken_t < begin or end < first.taken_t for begin, end in gaps)
        for told in [inside] if is_in else [outside] if is_out else []:
            told[0] += second.sequence - first.sequence
            told[1] += second.taken_t - first.taken_t
    return outside[0] / (outside[1] / 1e9), inside[0] / (inside[1] / 1e9)


def missing(sequences: Sequence[int]) -> int:
    """Return how many numbers between the first and the last are not there."""
    return sequences[-1] - sequences[0] + 1 - len(set(sequences)) if sequences else 0


async def _prepare(folder: Path) -> None:
    bundle = folder / "bundle"
    bundle.mkdir()
    shutil.copyfile(bundle_path() / MODEL, bundle / "model.tflite")
    (bundle / "pipeline.yaml").write_text(PIPELINE)
    declared = declared_models(str(bundle), lambda path: Path(path).read_bytes())
    await seal_async(bundle, declared.models, name=declared.name, version=declared.version)
    _draw(folder / "bars.avi")
    (folder / "device.yaml").write_text(DEVICE.replace("VIDEO", str(folder / "bars.avi")))


def _draw(path: Path) -> None:
    """Write a video whose pictures all differ: a bar that moves."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE_HZ, SIZE_PX)
    for number in range(round(RATE_HZ * VIDEO_S)):
        picture = np.full((SIZE_PX[1], SIZE_PX[0], 3), (40, 90, 160), np.uint8)
        left = number * 7 % (SIZE_PX[0] - 16)
        picture[:, left : left + 16] = 128
        writer.write(picture)
    writer.release()


def _spread(values_ms: list[float]) -> dict[str, float]:
    return {"p50": round(statistics.median(values_ms), 1), "max": round(max(values_ms), 1)}
