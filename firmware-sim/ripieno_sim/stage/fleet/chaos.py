"""A device's end, the consumer and a broker at its defaults (which loses all it holds when it is killed), as real
processes that get SIGKILL at random; then peace, and a count of what was durable against what the consumer has.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ripieno.errors import BrokerError
from ripieno_daemon.ledger import verify

from . import mosquitto
from .device import FLEET

SETTLES_S = 120.0
CALM_SHARE, CALM_S, BRISK_S = 0.1, 2.0, 0.2
"""Now and then all live long enough to connect and get on; most of the time none does."""


@dataclass(frozen=True, slots=True)
class Count:
    """What the device's disk promised and what the consumer's database holds."""

    produced: int
    counted: int
    lost: int
    double_counted: int
    strange: int


async def chaos(folder: Path, seconds: float, seed: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Return the figures.

    Raises:
        BrokerError: Mosquitto is not installed, or results did not arrive once nobody was killed any more.
    """
    chance, port = random.Random(seed), mosquitto.free_port()
    config = mosquitto.defaults(folder, port)
    starts: dict[str, Callable[[], Awaitable[Process]]] = {
        "device": lambda: _device(folder, port, "chaos"),
        "consumer": lambda: _consumer(folder, port),
        "broker": lambda: mosquitto.start(config, port),
    }
    running = {name: await starts[name]() for name in ("broker", "consumer", "device")}
    kills: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    until_s = loop.time() + seconds
    try:
        while loop.time() < until_s:
            mean_s = CALM_S if chance.random() < CALM_SHARE else BRISK_S
            await asyncio.sleep(min(chance.expovariate(1 / mean_s), 2 * CALM_S))
            victim = chance.choice(sorted(running))
            await _kill(running[victim])
            kills[victim] += 1
            running[victim] = await starts[victim]()
            progress(f"{kills.total()} kills, {max(0.0, until_s - loop.time()):.0f} s to go")
        progress("nobody is killed any more: what is durable has to arrive")
        await _kill(running["device"])
        running["device"] = await _device(folder, port, "drain")
        try:
            async with asyncio.timeout(SETTLES_S):
                status = await running["device"].wait()
        except TimeoutError:
            raise BrokerError(f"not all was receipted within {SETTLES_S:g} s of peace (seed {seed})") from None
        if status != 0:
            raise BrokerError(f"the device ended with status {status} (seed {seed})")
    finally:
        for process in running.values():
            await _kill(process)
    found = count(folder / "device/ledger.sqlite", folder / "consumer/results.sqlite")
    return {
        "seed": seed,
        "kills": kills.total(),
        "killed": dict(sorted(kills.items())),
        "produced": found.produced,
        "counted": found.counted,
        "lost": found.lost,
        "double_counted": found.double_counted,
        "strange": found.strange,
        "ledger_is_whole": verify(folder / "device/ledger.sqlite").is_whole,
    }


def count(ledger: Path, results: Path) -> Count:
    """Compare the two databases. `strange`: rows that the device never made, or not in that order."""
    with sqlite3.connect(ledger) as ours:
        made = dict(ours.execute("SELECT seq, id FROM records WHERE seq IS NOT NULL"))
    with sqlite3.connect(results) as theirs:
        rows = theirs.execute("SELECT seq, record_id FROM rows").fetchall()
    has = dict(rows)
    return Count(
        len(made),
        len(rows),
        sum(seq not in has for seq in made),
        len(rows) - len({record_id for _, record_id in rows}),
        sum(made.get(seq) != record_id for seq, record_id in rows),
    )


async def _device(folder: Path, port: int, role: str) -> Process:
    return await _python("ripieno_sim.stage.fleet.device", role, str(folder / "device"), str(port))


async def _consumer(folder: Path, port: int) -> Process:
    words = ("--name", FLEET, "--broker", f"127.0.0.1:{port}", "--most-backoff", "0.5")
    return await _python("ripieno_daemon", "consume", "--into", str(folder / "consumer/results.sqlite"), *words)


async def _python(module: str, *words: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *words, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
    )


async def _kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()
