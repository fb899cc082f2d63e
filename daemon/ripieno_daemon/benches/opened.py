"""A process that opens a plan beside what a control process has loaded, runs it a while, and says what it took.

python -m ripieno_daemon.benches.opened PLAN        one line of JSON on standard output
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import uvloop  # noqa: F401  # loaded, not used: so is it in a control process

import ripieno_daemon.conducting.conductor
import ripieno_daemon.fleet.broker_mqtt  # noqa: F401
from ripieno.engine import Engine
from ripieno.plan import decode

from .memory import Footprint
from .plans import readings

ROUNDS = 30  # readings of each input: windows are full then


def main(path: str) -> None:
    """Open the plan, run it and say what it took."""
    began_s = time.process_time()
    plan = decode(Path(path).read_bytes())
    engine = Engine(plan.pipelines[0])
    build_s = time.process_time() - began_s
    inputs = len(plan.pipelines[0].inputs)
    for event in readings(ROUNDS * inputs, inputs):
        engine.step(event)
        engine.next_deadline()
    status = dict(
        line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines() if ":" in line
    )
    rss_mb, peak_mb = (round(int(status[name].split()[0]) / 1024, 1) for name in ("VmRSS", "VmHWM"))
    print(json.dumps(asdict(Footprint(rss_mb, peak_mb, round(build_s, 3)))))


if __name__ == "__main__":
    main(sys.argv[1])
