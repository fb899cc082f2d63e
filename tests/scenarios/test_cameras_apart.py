"""Two cameras on one daemon: when one hangs, dies or is taken away, the other one brings all its pictures.

Told in counts of pictures; `ripieno bench cameras` tells it in milliseconds and pictures a second.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import msgpack
import pytest
from drivers.cameras.videos import bar, write
from models.tiny_detector import tiny_detector

from ripieno.engine import FrameSeen, unpack_event
from ripieno.language.declared import declared_models
from ripieno_daemon.bundles import seal
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_sim.stage.bench.cameras import daemon, missing

RATE_HZ = 20.0
PIPELINE = """\
ripieno: 1
name: two
version: 1.0.0
inputs:
  one: {kind: frame, max_age: 1s}
  two: {kind: frame, max_age: 1s}
models:
  seen: {file: tiny.tflite, task: detect, labels: [red, green, blue]}
steps:
  first:  {model: seen, input: one, frames: newest, deadline: 1s, report: changes}
  second: {model: seen, input: two, frames: newest, deadline: 1s, report: changes}
"""
DEVICE = """\
ripieno: 1
device: {id: line-1}
pipelines: [bundle]
devices:
  left:  {driver: video, path: bars.avi, loop: true}
  right: {driver: video, path: bars.avi, loop: true}
inputs:
  one: {device: left}
  two: {device: right}
broker: {transport: none}
storage: {state: state}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a sealed bundle, a video of 10 s and a device file."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "tiny.tflite").write_bytes(tiny_detector())
    (bundle / "pipeline.yaml").write_text(PIPELINE)
    declared = declared_models(str(bundle), lambda path: Path(path).read_bytes())
    seal(bundle, declared.models, name=declared.name, version=declared.version)
    write(tmp_path / "bars.avi", (bar(number) for number in range(200)), RATE_HZ)
    (tmp_path / "device.yaml").write_text(DEVICE.replace("bars.avi", str(tmp_path / "bars.avi")))
    return tmp_path


async def read(folder: Path) -> tuple[list[FrameSeen], list[dict[str, object]], list[tuple[str, str]]]:
    """Return frames, reported results and alarms (code, text) of the ledger."""
    storage = DiskStorage(folder / "state")
    ledger = await Ledger.open(storage.database("ledger.sqlite"), SystemClock(), SystemEntropy())
    frames, results, alarms = [], [], []
    async for record in ledger.records():
        if record.kind == "event":
            event = unpack_event(record.payload)
            frames += [event] if isinstance(event, FrameSeen) else []
        elif record.kind == "inference":
            results.append(msgpack.unpackb(record.payload))
        elif record.kind == "alarm":
            body = msgpack.unpackb(record.payload)
            alarms.append((body["code"], body["text"]))
    await ledger.close()
    return frames, results, alarms


def test_a_camera_that_hangs_is_replaced_while_the_other_keeps_its_rate(folder: Path) -> None:
    async def main() -> None:
        async with daemon(folder / "device.yaml") as running:
            await running.until("ready")
            await asyncio.sleep(3.0)
            victim = running.captures()[0]
            os.kill(victim, signal.SIGSTOP)
            noticed_ns = await running.until("left: down: stalled")
            await running.until("left: up", noticed_ns)
            await asyncio.sleep(2.0)
            after = running.captures()
        frames, results, alarms = await read(folder)

        assert victim not in after and len(after) == 2
        mine, others = ([one for one in frames if one.input == name] for name in ("one", "two"))
        stale = next(one for one in mine if one.health == "stale")
        last, back = mine[mine.index(stale) - 1], mine[mine.index(stale) + 1]
        until_noticed = [one for one in others if last.taken_t < one.taken_t <= stale.taken_t]
        meanwhile = [one.sequence for one in others if last.taken_t < one.taken_t <= back.taken_t]
        assert 10 < len(until_noticed) <= 2 * RATE_HZ, "it is noticed before the other one has brought 2 s of pictures"
        assert missing(meanwhile) <= 0.05 * len(meanwhile), "and that one brings them all"
        assert back.sequence - last.sequence < 0.5 * len(meanwhile), "the one that hangs does not"
        unknown = [(one["step"], one["health"], one["found"]) for one in results if one["health"] != "good"]
        assert unknown == [("first", "stale", [])]
        assert [code for code, _ in alarms] == ["picture-stale", "picture-good"]
        assert alarms[0][1].startswith("one: stalled: no picture for 1.")

    asyncio.run(main())


def test_a_camera_that_is_killed_again_and_again_comes_back_and_leaves_the_other_alone(folder: Path) -> None:
    async def main() -> None:
        async with daemon(folder / "device.yaml") as running:
            await running.until("ready")
            keeper = max(running.captures())
            for _ in range(3):
                victim = next(pid for pid in running.captures() if pid != keeper)
                killed_ns = time.monotonic_ns()
                os.kill(victim, signal.SIGKILL)
                await running.until("left: up", killed_ns)
            assert keeper in running.captures()
        frames, _, _ = await read(folder)

        assert sum(text.startswith("left: down: its process") for _, text in running.said) == 3
        assert not any(text.startswith("right: down") for _, text in running.said)
        others = [one.sequence for one in frames if one.input == "two"]
        assert missing(others) <= 0.05 * len(others)
        assert running.process.returncode == 0

    asyncio.run(main())


def test_no_capture_process_outlives_a_daemon_that_is_killed(folder: Path) -> None:
    async def main() -> None:
        async with daemon(folder / "device.yaml") as running:
            await running.until("ready")
            pids = running.captures()
            os.kill(pids[0], signal.SIGSTOP)  # one that hangs does not see that its line is closed
            running.process.kill()
            await running.process.wait()
            async with asyncio.timeout(3):
                while any(Path(f"/proc/{pid}/cwd").exists() for pid in pids):  # noqa: ASYNC110, ASYNC240
                    await asyncio.sleep(0.02)

        assert len(pids) == 2

    try:
        asyncio.run(main())
    except ProcessLookupError:
        pass  # it was killed here, so there is nothing to end


def test_the_control_process_holds_neither_numpy_nor_a_picture(folder: Path) -> None:
    async def main() -> None:
        async with daemon(folder / "device.yaml") as running:
            await running.until("ready")
            await asyncio.sleep(1.0)
            maps = Path(f"/proc/{running.process.pid}/maps").read_text()  # noqa: ASYNC240
            descriptors = [
                os.readlink(f"/proc/{running.process.pid}/fd/{fd}")  # noqa: PTH115
                for fd in os.listdir(f"/proc/{running.process.pid}/fd")  # noqa: PTH208
            ]

        assert sum("memfd:ripieno" in name for name in descriptors) == 2  # it holds them, by number
        assert "memfd:ripieno" not in maps  # and has mapped none
        assert "numpy" not in maps and "cv2" not in maps

    asyncio.run(main())
