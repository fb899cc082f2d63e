"""More than 500 points at which a storing program is killed, refused or cut off from power, and none is bad.

`python -m tests.kills` tries every point there is (some 3,000 and as many images as are asked for).
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tiers import need

from kills.faulty import FAULTY

ROOT = Path(__file__).resolve().parents[2]
POINTS, IMAGES = 560, 20


def campaign(*options: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(each for each in (str(ROOT), *sys.path) if each)
    return subprocess.run(
        [sys.executable, "-m", "tests.kills", *options],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        timeout=600,
    )


@pytest.mark.slow
def test_no_kill_no_refusal_and_no_power_cut_is_bad() -> None:
    need("strace")
    done = campaign("--points", str(POINTS), "--images", str(IMAGES))

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-3000:]}"
    last = done.stdout.splitlines()[-1]
    assert int(last.split()[0]) >= 500 and " 0 bad" in last, last


@pytest.mark.slow
def test_each_protection_that_is_taken_out_is_found() -> None:
    """The negative controls: the same points, of the one victim that it protects."""
    need("strace")

    def without(name: str) -> tuple[str, int, str]:
        done = campaign("--without", name, "--points", "40", "--images", "200", "--jobs", "1")
        return name, done.returncode, done.stdout

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(without, FAULTY))

    missed = [f"{name}: {out}" for name, code, out in found if code != 1 or "BAD" not in out]
    assert not missed, missed
