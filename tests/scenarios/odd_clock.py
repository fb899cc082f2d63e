"""A daemon whose clocks jump: `python odd_clock.py FILE run --device F --json`.

FILE holds two signed 64-bit numbers: by how many ns UTC is off, and by how many CLOCK_BOOTTIME. They may be changed at
any time, as somebody who sets the clock does, or a machine that was suspended.
"""

from __future__ import annotations

import mmap
import sys
import time
from pathlib import Path

from ripieno_daemon.cli import main

WALL, BOOT = 0, 8


def step(file: Path, which: int, by_s: float) -> None:
    """Let a clock of the daemon be so much later (or earlier) from now on."""
    held = bytearray(file.read_bytes() if file.exists() else bytes(16))
    held[which : which + 8] = round(by_s * 1e9).to_bytes(8, "little", signed=True)
    with file.open("r+b" if file.exists() else "wb") as out:
        out.write(held)


def take_over(file: Path) -> None:
    """Let both clocks of this process be off by what the file says."""
    with file.open("r+b") as opened:
        offsets = mmap.mmap(opened.fileno(), 16)
    wall, clock = time.time_ns, time.clock_gettime_ns

    def off(which: int) -> int:
        return int.from_bytes(offsets[which : which + 8], "little", signed=True)

    time.time_ns = lambda: wall() + off(WALL)
    time.time = lambda: time.time_ns() / 1e9
    time.clock_gettime_ns = lambda which: clock(which) + (off(BOOT) if which == time.CLOCK_BOOTTIME else 0)


if __name__ == "__main__":
    take_over(Path(sys.argv.pop(1)))
    sys.exit(main())
