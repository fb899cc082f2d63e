"""A daemon whose board driver misbehaves: `python bad_day.py crash:N|sleep:S|raise:N run --device F --json`.

crash:N   the driver's task raises in its first N lives, 0.3 s after each has begun
sleep:S   a callback of the driver blocks the loop for S seconds, once, 1 s after the start
hang      the driver's task awaits something that never comes, 1 s after the start
fds:N     the driver opens files until the process has none left of N, 1 s after the start, and keeps them
threads:N the driver starts N threads that compute, 1 s after the start
"""

from __future__ import annotations

import asyncio
import hashlib
import resource
import sys
import threading
import time
from collections.abc import Awaitable, Callable

from ripieno_daemon.cli import main
from ripieno_drivers.link.actuator import LinkDevice

LIVES = 0


def a_callback_that_takes_its_time(seconds: float) -> None:
    time.sleep(seconds)


KEPT: list[object] = []


def take_all_descriptors() -> None:
    while True:
        try:
            KEPT.append(open("/dev/null"))  # noqa: PTH123, SIM115  kept open: that is the fault
        except OSError:
            return


def take_processors(count: int) -> None:
    def compute() -> None:
        while True:
            hashlib.sha256(bytes(1 << 20)).digest()

    for _ in range(count):
        threading.Thread(target=compute, daemon=True).start()


def misbehaving(
    kind: str, amount: float, run: Callable[[LinkDevice], Awaitable[None]]
) -> Callable[[LinkDevice], Awaitable[None]]:
    """Return a `run` that does what the kind says."""

    async def bad(device: LinkDevice) -> None:
        global LIVES
        LIVES += 1
        if kind == "crash" and amount >= LIVES:
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(run(device))
                await asyncio.sleep(0.3)
                serving.cancel()
            raise KeyError("a bug in a driver")
        if kind == "sleep" and LIVES == 1:
            asyncio.get_running_loop().call_later(1.0, a_callback_that_takes_its_time, amount)
        if kind == "fds" and LIVES == 1:
            resource.setrlimit(resource.RLIMIT_NOFILE, (int(amount), int(amount)))
            asyncio.get_running_loop().call_later(1.0, take_all_descriptors)
        if kind == "threads" and LIVES == 1:
            asyncio.get_running_loop().call_later(1.0, take_processors, int(amount))
        if kind == "hang":
            async with asyncio.TaskGroup() as group:
                serving = group.create_task(run(device))
                await asyncio.sleep(1.0)
                serving.cancel()
            await asyncio.Event().wait()
        await run(device)

    return bad


if __name__ == "__main__":
    kind, _, amount = sys.argv.pop(1).partition(":")
    LinkDevice.run = misbehaving(kind, float(amount or 0), LinkDevice.run)  # type: ignore[method-assign, assignment]
    sys.exit(main())
