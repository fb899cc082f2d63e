"""What this process costs, as the kernel counts it."""

from __future__ import annotations

import os
import time
from pathlib import Path

_PAGE = os.sysconf("SC_PAGESIZE")
_TICK = os.sysconf("SC_CLK_TCK")


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def processor_s() -> float:
    """Return the processor time of this process without its children, in seconds."""
    return time.process_time()


def boot_id() -> str:
    """Return what tells this boot of the machine from every other; "" where the kernel does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def began_wall_s() -> float:
    """Return when this process began, in seconds since 1970."""
    began = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / _TICK
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + began
