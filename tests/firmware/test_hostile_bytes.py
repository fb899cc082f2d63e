"""The instrumented firmware (AddressSanitizer, UBSan): the rules again, and hostile bytes without a crash."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from firmware.tools import need_tools

from ripieno_sim.firmware import built

TESTS = Path(__file__).parents[1]
RUNS = int(os.environ.get("RIPIENO_FUZZ_RUNS", "600000"))


def runtime(name: str) -> str:
    """Return where the compiler keeps a sanitizer's runtime; skip where it has none."""
    need_tools("cc", "make", "cc")
    said = subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    found = said.stdout.strip()
    if not Path(found).is_absolute():
        pytest.skip(f"the compiler has no {name}")
    return found


def test_the_rules_hold_with_sanitizers_looking_on() -> None:
    """A process of its own, because the runtime must be there before Python is."""
    environment = os.environ | {
        "LD_PRELOAD": runtime("libasan.so"),
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
        "RIPIENO_FIRMWARE": str(built("virtual-san")),
        "RIPIENO_REQUIRE": "",
    }
    rules = [TESTS / "firmware" / f"test_{name}.py" for name in ("same_rules", "board", "golden_frames", "two_boards")]
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-k", "not another_table", *map(str, rules)],
        cwd=TESTS.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stdout[-3_000:] + said.stderr[-3_000:]
    assert " passed" in said.stdout


def test_scripts_of_hostile_bytes_crash_nothing_and_repeat_no_act() -> None:
    """fuzz/target.c: frames, noise, time, edges, resets and damaged RAM; the checks that it makes are listed there."""
    said = subprocess.run([str(built("fuzz")), str(RUNS)], capture_output=True, text=True, check=False)

    assert said.returncode == 0, said.stderr[-3_000:]
    reached = json.loads(said.stdout)
    print(reached)
    assert reached["runs"] == RUNS
    assert reached["acts"] > RUNS / 100, "a fuzzer that moves no output tests nothing"


def test_libfuzzer_finds_nothing_in_a_little_while(tmp_path: Path) -> None:
    if shutil.which("clang") is None:
        pytest.skip("clang not found; the mutation fuzzer runs in its place")
    said = subprocess.run(
        [str(built("fuzz-clang")), "-max_total_time=20", "-max_len=256", "-verbosity=0", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert said.returncode == 0, said.stderr[-3_000:]
