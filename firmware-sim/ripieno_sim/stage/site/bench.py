"""`ripieno bench service`: what the daemon costs while nothing happens, and how long it takes to come and go."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ripieno_daemon.cli.command import NO, OK, Command
from ripieno_daemon.cli.output import Progress, add_json, give

from ..scene import Settings, device_file
from .running import CAMERA, PORT, Site, SiteSettings

IDLE_LIMIT, MEMORY_LIMIT_BYTES = 0.03, 48 << 20
START_S = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=10.0, help="how long it is watched (default 10)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="ripieno-bench-") as folder:
        figures = asyncio.run(_measure(Path(folder), arguments.seconds, Progress()))
    broken = [
        f"{name}: {figures[name]} is above {figures[f'{name}_limit']}"
        for name in ("idle_share_of_a_core", "resident_bytes")
        if figures[name] > figures[f"{name}_limit"]
    ]
    text = (
        f"idle       {figures['idle_share_of_a_core'] * 100:.1f} % of a core, with a board that answers (limit 3 %)\n"
        f"memory     {figures['resident_bytes'] / 1e6:.1f} MB resident (limit {MEMORY_LIMIT_BYTES / 1e6:.0f})\n"
        f"start      active after {figures['start_s']:.2f} s, again after {figures['start_again_s']:.2f} s\n"
        f"stop       {figures['stop_s']:.2f} s\n"
        f"load       {figures['load']:.1f} on {os.cpu_count()} cores"
    )
    give(arguments, {**figures, "broken": broken}, "\n".join([text, *(f"BROKEN: {line}" for line in broken)]))
    return NO if broken else OK


async def _measure(folder: Path, seconds: float, progress: Progress) -> dict[str, Any]:
    """Run the daemon twice on a line whose belt stands; the second start finds its plan compiled."""
    (folder / CAMERA).mkdir()
    line = asyncio.create_task(Site(SiteSettings(folder, folder / CAMERA)).run(), name="line")
    path = device_file(
        folder,
        Settings(),
        port=str(folder / PORT),
        camera=str(folder / CAMERA),
        broker="{transport: none}",
        state="state",
    )
    path.write_text(path.read_text().replace("rearm: auto", "rearm: person"))  # nobody arms it: the belt stands
    try:
        progress.show("starting")
        first, process = await _started(folder, path)
        await _stopped(process)
        again, process = await _started(folder, path)
        await asyncio.sleep(3)  # what a start leaves behind is not idle
        progress.show(f"watching it for {seconds:g} s")
        before, began = _processor_s(process.pid), time.monotonic()
        await asyncio.sleep(seconds)
        share = (_processor_s(process.pid) - before) / (time.monotonic() - began)
        resident = _resident_bytes(process.pid)
        stop_s = await _stopped(process)
    finally:
        line.cancel()
        await asyncio.gather(line, return_exceptions=True)
        progress.clear()
    return {
        "idle_share_of_a_core": round(share, 4),
        "idle_share_of_a_core_limit": IDLE_LIMIT,
        "resident_bytes": resident,
        "resident_bytes_limit": MEMORY_LIMIT_BYTES,
        "start_s": round(first, 3),
        "start_again_s": round(again, 3),
        "stop_s": round(stop_s, 3),
        "load": os.getloadavg()[0],
    }


async def _started(folder: Path, device: Path) -> tuple[float, asyncio.subprocess.Process]:
    """Start the daemon as systemd would; return after how many seconds it said READY, and its process."""
    address = folder / "notify"
    address.unlink(missing_ok=True)
    surroundings = {"NOTIFY_SOCKET": str(address), "STATE_DIRECTORY": str(folder / "kept")}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(address))
        listening.setblocking(False)
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "ripieno_daemon", "run", "--device", str(device)),
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, **surroundings},
        )
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(START_S):
            while await loop.sock_recv(listening, 8192) != b"READY=1":
                pass
        return time.monotonic() - began, process


async def _stopped(process: asyncio.subprocess.Process) -> float:
    began = time.monotonic()
    process.terminate()
    await process.wait()
    return time.monotonic() - began


def _processor_s(pid: int) -> float:
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / TICKS


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


COMMAND = Command(
    "bench service",
    "operate",
    "measure what the daemon costs while nothing happens, and how long it takes to come and go",
    "ripieno bench service        (20 s)",
    _arguments,
    _run,
)
