"""What a plan costs in memory: `opened.py` opens it and runs it a while, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ripieno.plan import Plan, encode


@dataclass(frozen=True, slots=True)
class Footprint:
    """Resident memory at the end and at its highest, in MiB; CPU time from the plan's bytes to an engine."""

    rss_mb: float
    peak_mb: float
    build_s: float


def of_fresh_process(plan: Plan, folder: Path) -> Footprint:
    """Run the plan in a process of its own.

    Raises:
        subprocess.CalledProcessError: it ended with an error (which is on standard error).
    """
    path = folder / "plan.msgpack"
    path.write_bytes(encode(plan))
    call = [sys.executable, "-m", "ripieno_daemon.benches.opened", str(path)]
    said = subprocess.run(call, stdout=subprocess.PIPE, check=True, timeout=300).stdout
    return Footprint(**json.loads(said))
