"""The host's process under a fault: `python -m ripieno_sim.stage.bench.sufferer PORT --baud 1000000`.

It runs the real device on uvloop, looks 100 times a second how late the loop is, and obeys lines of standard input,
each answered by a line of JSON:

    up        wait for a session                                -> {"up": sessions so far}
    begin     count from here                                   -> {"begun": true}
    figures   what was counted since                            -> lateness, processor time, memory, turns, sessions
    end
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any, Final

import uvloop

from ripieno.contracts.driver import Context
from ripieno.contracts.ports import Line
from ripieno.values import DeviceDown, DeviceUp
from ripieno_daemon.ports import SystemClock, SystemEntropy
from ripieno_drivers.link import LinkSettings
from ripieno_drivers.link.actuator import LinkDevice
from ripieno_drivers.link.inbox import Inbox
from ripieno_drivers.link.port import SerialLines
from ripieno_drivers.link.service import Service

from .measure import POINTS, Remembered

TICK_S: Final = 0.01
PAGE_KB: Final = resource.getpagesize() // 1024


class Counted(Service):
    """A service whose turns are counted, and what waited for the line at the end of one at most."""

    turns = 0
    waiting_bytes = 0

    def turn(self, line: Line, inbox: Inbox) -> None:
        """Take a turn."""
        self.turns += 1
        super().turn(line, inbox)
        self.waiting_bytes = max(self.waiting_bytes, len(self.outgoing))


class Sufferer:
    """One device and what is measured beside it."""

    def __init__(self, port: str, baud: int) -> None:
        absent: Any = None
        self._ups: list[int] = []
        self._downs: list[int] = []
        self._up = asyncio.Event()
        self.said: list[str] = []
        context = Context(
            device="board",
            points=POINTS,
            clock=SystemClock(),
            entropy=SystemEntropy(),
            lines=SerialLines(),
            folder=absent,
            storage=absent,
            intents=Remembered(),
            report=self._report,
            settled=lambda outcome: None,
            say=self.said.append,
        )
        settings = LinkSettings(port=port, baud=baud, counts_per_mm=10.0, rearm="auto")
        self.device = LinkDevice(settings, context)
        self.service = self.device.service = Counted(settings, context, self.device._wake)
        self.begin()

    def begin(self) -> None:
        """Count from here."""
        self._late_us: list[int] = []
        self._began_s, self._began_cpu_s = time.monotonic(), time.process_time()
        self._began_kb = resident_kb()
        self._ups.clear()
        self._downs.clear()
        self.service.turns = self.service.waiting_bytes = 0
        self.said.clear()

    def figures(self) -> dict[str, Any]:
        """Return what was counted since `begin`; shares are parts of one processor."""
        seconds = time.monotonic() - self._began_s
        late_us = sorted(self._late_us) or [0]
        return {
            "lateness_ms": {
                "p50": round(late_us[len(late_us) // 2] / 1000, 3),
                "p99": round(late_us[len(late_us) * 99 // 100] / 1000, 3),
                "max": round(late_us[-1] / 1000, 3),
            },
            "cpu_share": round((time.process_time() - self._began_cpu_s) / seconds, 4),
            "rss_growth_kb": resident_kb() - self._began_kb,
            "turns_per_s": round(self.service.turns / seconds, 1),
            "waiting_bytes": self.service.waiting_bytes,
            "sessions": len(self._ups),
            "sessions_lost": len(self._downs),
            "ups_ns": list(self._ups),
            "said": self.said[:20],
        }

    async def until_up(self) -> None:
        """Wait for a session."""
        await self._up.wait()

    async def look(self) -> None:
        """Note how late each tick is."""
        while True:
            due_ns = time.monotonic_ns() + round(TICK_S * 1e9)
            await asyncio.sleep(TICK_S)
            self._late_us.append(max(0, time.monotonic_ns() - due_ns) // 1000)

    def _report(self, arrival: object) -> None:
        if isinstance(arrival, DeviceUp):
            self._ups.append(time.monotonic_ns())
            self._up.set()
        elif isinstance(arrival, DeviceDown):
            self._downs.append(time.monotonic_ns())
            self._up.clear()


def resident_kb() -> int:
    """Return the memory that this process has in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KB


async def _serve(port: str, baud: int) -> None:
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    sufferer = Sufferer(port, baud)
    works = {"device": sufferer.device.run(), "lateness": sufferer.look()}
    tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
    gc.collect()
    while (word := (await commands.readline()).decode().strip()) not in ("end", ""):
        if word == "up":
            await sufferer.until_up()
            _say({"up": True})
        elif word == "begin":
            sufferer.begin()
            _say({"begun": True})
        else:
            _say(sufferer.figures())
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _say(what: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run one device until it is told to end or its starter is gone."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("--baud", type=int, required=True)
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(arguments.port, arguments.baud))


if __name__ == "__main__":
    main()
