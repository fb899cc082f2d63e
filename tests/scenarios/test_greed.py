"""Parts that take what there is: memory, descriptors, processors. The control of the line goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from scenarios.serving import Daemon, site
from scenarios.test_bad_drivers import BAD_DAY
from scenarios.test_clocks import family, runs_on
from scenarios.test_service import sooner


def told_of(pid: int, what: str) -> str:
    """Return what the kernel tells of a process, "" where there is none any more."""
    try:
        return Path(f"/proc/{pid}/{what}").read_text()
    except OSError:
        return ""


def oom_score(pid: int) -> int:
    return int(told_of(pid, "oom_score") or 0)


def adjusted(pid: int) -> int:
    return int(told_of(pid, "oom_score_adj") or 0)


def test_who_goes_first_when_memory_is_out_is_a_worker_and_the_line_goes_on(tmp_path: Path) -> None:
    """The kernel kills the process with the highest oom_score: that very one is killed here, twice."""

    async def look() -> dict[str, Any]:
        found: dict[str, Any] = {"killed": []}
        async with site(tmp_path) as line, line.daemon() as daemon:
            await daemon.until("ready")
            line.start_belt()
            await decides_on(daemon)
            for _ in range(2):
                first = max(family(daemon.process.pid), key=oom_score)
                found["killed"].append(told_of(first, "cmdline"))
                os.kill(first, signal.SIGKILL)
                await decides_on(daemon)
            found["pid is the same"] = (await daemon.ask("status"))["pid"] == daemon.process.pid
            found |= await daemon.ask("status")
            await sooner(lambda: any(adjusted(pid) >= 300 for pid in family(daemon.process.pid)[1:]))
            found["adjusted"] = adjusted(daemon.process.pid)
        return found

    told = asyncio.run(look())

    assert all("worker" in str(words) for words in told["killed"]), told["killed"]
    assert told["pid is the same"] and told["lives"] == 1 and told["healthy"] and told["stops"] == []
    assert told["adjusted"] <= 0, "workers are chosen before the control process"


def test_a_driver_that_takes_every_descriptor_leaves_the_line_its_control(tmp_path: Path) -> None:
    """Whoever asks over the socket gets no answer then; parts are let through, and the watchdog is fed."""

    async def look() -> dict[str, Any]:
        async with site(tmp_path) as line, line.daemon(prefix=(BAD_DAY, "fds:200")) as daemon:
            await daemon.until("ready")
            line.start_belt()
            await sooner(lambda: descriptors(daemon.process.pid) >= 199, 10)
            began_s, fed = processor_s(daemon.process.pid), len(daemon.notified)
            await asyncio.sleep(3.0)
            used = (processor_s(daemon.process.pid) - began_s) / 3.0
            await runs_on(line, daemon, 3)
            return {
                "used": used,
                "fed": daemon.notified[fed:].count("WATCHDOG=1"),
                "ended": daemon.process.returncode,
            }

    told = asyncio.run(look())

    assert told["ended"] is None and told["fed"] >= 2
    assert told["used"] < 0.6, "and the loop does not spin over what it cannot accept"


def test_a_driver_that_computes_in_threads_leaves_the_line_its_control(tmp_path: Path) -> None:
    async def look() -> dict[str, Any]:
        async with site(tmp_path) as line, line.daemon(prefix=(BAD_DAY, "threads:4")) as daemon:
            await daemon.until("ready")
            line.start_belt()
            await asyncio.sleep(1.5)
            await decides_on(daemon)
            return await daemon.ask("status")

    told = asyncio.run(look())

    assert told["healthy"] and told["stops"] == [] and told["loop_blocked"] == 0


async def decides_on(daemon: Daemon, more: int = 5) -> None:
    """Wait until the model has answered for so many more parts."""

    async def decided() -> int:
        counters = (await daemon.ask("status"))["counters"]
        return int(counters.get("good", 0) + counters.get("defective", 0))

    before = await decided()
    async with asyncio.timeout(30):
        while await decided() < before + more:  # noqa: ASYNC110  another process is watched
            await asyncio.sleep(0.1)


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
