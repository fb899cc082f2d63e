"""A worker that grows is replaced beside its work: no call is lost, and none waits for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from daemon.workers.rig import painted, pooled_tiny

from ripieno.values import Health
from ripieno_daemon.workers import DeadlineRules, PooledModel, Step, WorkerPool, process
from ripieno_daemon.workers import pool as pool_room
from ripieno_daemon.workers.process import resident_bytes
from ripieno_daemon.workers.weight import Weights

LEAKY = str(Path(__file__).with_name("leaky_child.py"))
MB = 1_000_000
RULES = DeadlineRules(start_s=30.0)


@pytest.fixture
def leaky(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every worker one that leaks, and look at it more often than every 2 s."""
    start = process.start

    def start_leaky(words: list[str], *more: object, **variables: str) -> object:
        assert words[:2] == ["-m", "ripieno_daemon.workers.child"]
        return start([LEAKY, *words[2:]], *more, **variables)  # type: ignore[arg-type]

    monkeypatch.setattr(process, "start", start_leaky)
    monkeypatch.setattr(pool_room, "LOOK_S", 0.05)


async def shown(model: PooledModel, picture: str, growth_bytes: int) -> tuple[list[Health], list[int], int, list[str]]:
    """Show 60 pictures; return how each was answered, the workers that served, the most that one weighed, what was
    said.
    """
    said: list[str] = []
    steps = {"look": Step("tiny", 20.0, "high")}
    pool = WorkerPool(
        {"tiny": model}, steps, None, said.append, rules=RULES, weights=Weights(resident_bytes, growth_bytes)
    )
    pids: list[int] = []
    healths, heaviest = [], 0
    await pool.start()
    try:
        for _ in range(60):
            answers = await asyncio.gather(*(pool.infer("look", picture) for _ in range(2)))
            healths += [answer.health for answer in answers]
            pid = pool.worker_pids()["high"]
            if pid is not None:
                heaviest = max(heaviest, resident_bytes(pid))
                pids += [] if pid in pids else [pid]
            await asyncio.sleep(0.02)
    finally:
        await pool.stop()
    return healths, pids, heaviest, said


def test_a_worker_that_leaks_is_recycled_and_no_item_is_lost(tmp_path: Path, leaky: None) -> None:
    model, picture = pooled_tiny(tmp_path), painted(tmp_path, "green")
    healths, pids, heaviest, said = asyncio.run(shown(model, picture, 150 * MB))

    assert healths == [Health.GOOD] * 120
    assert len(pids) >= 3, f"16 MB for each of 120 pictures are more than one worker may gain: {said}"
    assert heaviest < 700 * MB
    assert said[0].startswith("worker high has grown from ") and said[0].endswith(": a fresh one takes its place")
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_without_a_limit_the_same_worker_takes_what_there_is(tmp_path: Path, leaky: None) -> None:
    """Negative control: the leak is real, and nothing else stops it."""
    model, picture = pooled_tiny(tmp_path), painted(tmp_path, "green")
    _, pids, heaviest, said = asyncio.run(shown(model, picture, 10**12))

    assert len(pids) == 1 and heaviest > 800 * MB and said == []


def test_a_worker_is_kept_where_no_fresh_one_can_be_had(tmp_path: Path, leaky: None) -> None:
    model, picture = pooled_tiny(tmp_path), painted(tmp_path, "green")

    async def work() -> tuple[list[Health], list[str]]:
        said: list[str] = []
        pool = WorkerPool(
            *({"tiny": model}, {"look": Step("tiny", 20.0, "high")}, None, said.append),
            rules=RULES,
            weights=Weights(resident_bytes, 30 * MB),
        )
        await pool.start()
        Path(model.path).write_bytes(b"another file")  # noqa: ASYNC240  a test, and small
        try:
            healths = []
            for _ in range(20):
                healths.append((await pool.infer("look", picture)).health)
                await asyncio.sleep(0.02)
        finally:
            await pool.stop()
        return healths, said

    healths, said = asyncio.run(work())

    assert healths == [Health.GOOD] * 20
    assert any("worker high is kept: no fresh one can be had" in line for line in said)


def test_weights_are_by_process_and_the_dead_are_forgotten() -> None:
    held = {1: 100, 2: 50}
    weights = Weights(lambda pid: held.get(pid, 0), 1000)

    assert weights.too_heavy({"high": 1, "low": 2, "none": None}) == {}
    held[1] = 1101
    assert weights.too_heavy({"high": 1, "low": 2}) == {"high": (100, 1101)}
    held[2] = 1050
    assert weights.too_heavy({"high": None, "low": 2}) == {}
    assert weights.too_heavy({"high": 1, "low": 2}) == {}, "it is another one of this number"
