"""Many seeds, in as many processes as there are cores: each seed is a run of its own, in a folder that goes with it."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ripieno_daemon.processes.mortality import die_with

from .judge import judge
from .run import run_seed
from .story import spun, told
from .terms import US
from .watched import Spins

COLLECT: Final = 50_000  # nearly all of a run dies by its reference counts


@dataclass(frozen=True, slots=True)
class Ran:
    """One seed: its violations (story.py), how long the plant ran, what it cost, the ledger's head, what there was."""

    seed: int
    violations: list[dict[str, Any]]
    plant_s: float
    cpu_s: float
    head: str
    counts: dict[str, int]
    faults: dict[str, int]


def run_one(
    seed: int,
    minutes: float,
    without: Sequence[str] = (),
    state: Path | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Ran:
    """Run and judge one seed; what it wrote stays where `state` names a folder."""
    if state is None:
        with tempfile.TemporaryDirectory(prefix="ripieno-seed-") as folder:
            return run_one(seed, minutes, without, Path(folder), progress)
    began_s = time.process_time()
    with warnings.catch_warnings():
        # A process that is killed leaves what it had begun; here the garbage collector finds its coroutines.
        warnings.filterwarnings("ignore", message="coroutine '.*' was never awaited", category=RuntimeWarning)
        try:
            evidence = run_seed(seed, minutes, state, without, progress)
        except Spins as spins:
            found = spun(seed, spins, minutes, without)
            return Ran(seed, [found], spins.at_us / US, time.process_time() - began_s, "", {}, {})
        judged = judge(evidence)
        gc.collect()
    violations = told(evidence, judged, minutes, without)
    cpu_s = time.process_time() - began_s
    return Ran(seed, violations, evidence.plant_us / US, cpu_s, judged.head, judged.counts, judged.faults)


def run_many(seeds: Sequence[int], minutes: float, without: Sequence[str], jobs: int) -> Iterator[Ran]:
    """Yield each seed as it ends, in no order; `jobs` at a time."""
    if jobs == 1 or len(seeds) == 1:
        for seed in seeds:
            yield run_one(seed, minutes, without)
        return
    context = multiprocessing.get_context("spawn")  # a fork would take over this process's threads' locks
    with ProcessPoolExecutor(min(jobs, len(seeds)), context, _begin, (os.getpid(),)) as pool:
        left = iter(seeds)
        running: set[Future[Ran]] = set()
        try:
            while True:
                for seed in islice(left, 2 * jobs - len(running)):
                    running.add(pool.submit(run_one, seed, minutes, without))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for each in done:
                    yield each.result()
        finally:
            for each in running:
                each.cancel()


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _begin(parent: int) -> None:
    """Die with the parent, and leave Ctrl-C to it."""
    die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(COLLECT)
