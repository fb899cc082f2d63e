"""SIGTERM at seeded instants of a daemon's life: `PYTHONPATH=tests python -m scenarios.stop_anywhere --count 100`.

The line is running all the while. After each stop: exit code 0 within 5 s, and every output of the board at its safe
value within its link silence. A process that has not read its own arguments yet cannot take a signal in order: it dies
of it with nothing opened, which systemd counts as a stop in order; those are counted apart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from scenarios.serving import FLOW, GATE, Site, site

STOP_S, SAFE_S, LONGEST_LIFE_S = 5.0, 0.6, 4.0
FLOW_SAFE = 10_000


@dataclass
class Stops:
    """What became of each stop: (delay in s, exit code, seconds to the end, outputs safe)."""

    found: list[tuple[float, int, float, bool]] = field(default_factory=list)
    not_begun: int = 0

    def broken(self) -> list[str]:
        """Return a sentence for each promise that was not kept."""
        return [
            f"after {delay:.3f} s: code {code}, {took:.2f} s, outputs {'safe' if safe else 'NOT SAFE'}"
            for delay, code, took, safe in self.found
            if code != 0 or took > STOP_S or not safe
        ]


async def stop_at(line: Site, delay_s: float, stops: Stops) -> None:
    """Start a daemon, stop it after this long, and look at it and at the board."""
    async with line.daemon() as daemon:
        await asyncio.sleep(delay_s)
        if not line.rig.plant.parts and line.rig.board.orders.armed:
            line.start_belt()
        began = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        code = await daemon.process.wait()
        took_s = time.monotonic() - began
        deadline = time.monotonic() + SAFE_S
        while not is_safe(line) and time.monotonic() < deadline:  # noqa: ASYNC110  the board is watched, not told
            await asyncio.sleep(0.02)
        if code == -signal.SIGTERM and not daemon.notified:
            stops.not_begun += 1
            code = 0
        stops.found.append((delay_s, code, took_s, is_safe(line)))


def is_safe(line: Site) -> bool:
    """Whether all outputs of the board are at their safe values."""
    return line.level(FLOW) == FLOW_SAFE and line.level(GATE) == 0


async def run(folder: Path, count: int, seed: int, say: bool = False) -> Stops:
    """Stop `count` daemons one after the other."""
    draw, stops = random.Random(seed), Stops()
    async with site(folder, parts=100_000) as line:
        for number in range(count):
            await stop_at(line, draw.uniform(0, LONGEST_LIFE_S), stops)
            if say:
                print(f"\r{number + 1} of {count}", end="", file=sys.stderr, flush=True)
    return stops


def main() -> int:
    """Return 0, or 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stops = asyncio.run(run(Path(folder), arguments.count, arguments.seed, say=True))
    took = [one[2] for one in stops.found]
    told = {
        "stops": len(took),
        "not_begun": stops.not_begun,
        "longest_s": round(max(took), 3),
        "broken": stops.broken(),
    }
    print(json.dumps({"seed": arguments.seed, **told}, indent=2))
    return 1 if stops.broken() else 0


if __name__ == "__main__":
    sys.exit(main())
