"""Real worker processes: what a caller sees when they answer, die, hang or are given what is not whole."""

# ruff: noqa: ASYNC110, ASYNC240 - nothing else waits on a test's loop; a `say` callback sets no event
from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from daemon.workers.rig import BGR, painted, pooled_tiny

from ripieno.errors import ModelError, WorkerLost
from ripieno.values import Health, Inferred, PictureRef
from ripieno_daemon.workers import DeadlineRules, GoldenCase, PooledModel, Step, WorkerPool

RULES = DeadlineRules(start_s=30.0, grace_s=0.05)
PATIENT = Step("tiny", 20.0, "high")


@asynccontextmanager
async def running(
    models: Mapping[str, PooledModel], steps: Mapping[str, Step], said: list[str] | None = None
) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(models, steps, None, (said if said is not None else []).append, rules=RULES)
    try:
        await pool.start()
        yield pool
    finally:
        await pool.stop()


async def until_good(ask: Callable[[], object]) -> Inferred:
    """Ask until a good answer comes; WorkerLost and LATE are what a restart looks like."""
    async with asyncio.timeout(60):
        while True:
            try:
                answer = await ask()  # type: ignore[misc]  # an Awaitable[Inferred]
            except WorkerLost:
                continue
            if answer.health is Health.GOOD:
                return answer  # type: ignore[no-any-return]


def test_a_picture_is_answered_by_path_and_by_bytes(tmp_path: Path) -> None:
    async def work() -> None:
        async with running({"tiny": pooled_tiny(tmp_path)}, {"look": PATIENT}) as pool:
            by_path = await pool.infer("look", painted(tmp_path, "green"))
            content = Path(painted(tmp_path, "green")).read_bytes()
            by_bytes = await pool.infer_bytes("look", content)

            assert by_path.result is not None and by_path.result.label == "green"
            assert by_bytes.result == by_path.result
            assert by_path.picture_digest == by_bytes.picture_digest == hashlib.sha256(content).hexdigest()[:32]

    asyncio.run(work())


def test_models_of_two_pipelines_that_call_them_alike_are_two(tmp_path: Path) -> None:
    """Each bundle names its own models: what the pool calls them by tells them apart, not what they call themselves."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    models = {"line/tiny": pooled_tiny(tmp_path / "a"), "watch/tiny": other_labels(pooled_tiny(tmp_path / "b"))}
    steps = {"line/look": Step("line/tiny", 20.0, "high"), "watch/look": Step("watch/tiny", 20.0, "high")}

    async def work() -> None:
        async with running(models, steps) as pool:
            picture = painted(tmp_path, "green")
            answers = [await pool.infer(step, picture) for step in steps]

            assert [one.result.label for one in answers if one.result is not None] == ["green", "second"]

    asyncio.run(work())


def other_labels(model: PooledModel) -> PooledModel:
    return replace(model, spec=replace(model.spec, labels=("first", "second", "third")))


def test_a_part_of_a_picture_is_shown_alone_and_tiles_are_answered_as_one(tmp_path: Path) -> None:
    picture = np.zeros((24, 48, 3), np.uint8)
    picture[:, :24], picture[:, 24:] = BGR["red"], BGR["green"]
    path = tmp_path / "two.png"
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())

    async def work() -> None:
        async with running({"tiny": pooled_tiny(tmp_path)}, {"look": PATIENT}) as pool:
            left = await pool.infer("look", PictureRef(str(path), (0.0, 0.0, 0.5, 1.0)))
            right = await pool.infer("look", PictureRef(str(path), (0.5, 0.0, 1.0, 1.0)))
            tiles = await pool.infer("look", PictureRef(str(path), None, (2, 1)))

            assert [one.result.label for one in (left, right) if one.result] == ["red", "green"]
            assert tiles.result is not None and tiles.result.label == "green", "the tile least like the first label"

    asyncio.run(work())


def test_start_tells_what_runs_behind_each_step(tmp_path: Path) -> None:
    async def work() -> None:
        steps = {"look": PATIENT, "again": replace(PATIENT, priority="low")}
        pool = WorkerPool({"tiny": pooled_tiny(tmp_path)}, steps, None, print, rules=RULES)
        try:
            loaded = await pool.start()
            pids = pool.worker_pids()
        finally:
            await pool.stop()

        assert loaded["look"].fingerprint == loaded["again"].fingerprint and len(loaded["look"].fingerprint) == 32
        assert set(pids) == {"high", "low"} and len(set(pids.values())) == 2
        assert not any(Path(f"/proc/{pid}").exists() for pid in pids.values())

    asyncio.run(work())


@pytest.mark.parametrize("content", [b"", b"text, not a picture\n", None])
def test_a_bad_picture_is_damaged_and_harms_nobody(tmp_path: Path, content: bytes | None) -> None:
    async def work() -> None:
        bad = tmp_path / "bad.png"
        if content is not None:
            bad.write_bytes(content)
        async with running({"tiny": pooled_tiny(tmp_path)}, {"look": PATIENT}) as pool:
            before = pool.worker_pids()
            answer = await pool.infer("look", str(bad))

            assert (answer.health, answer.result) == (Health.DAMAGED, None) and answer.why
            assert (await pool.infer("look", painted(tmp_path, "red"))).health is Health.GOOD
            assert pool.worker_pids() == before

    asyncio.run(work())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_worker_is_told_and_replaced(tmp_path: Path, number: signal.Signals) -> None:
    async def work() -> None:
        said: list[str] = []
        async with running({"tiny": pooled_tiny(tmp_path)}, {"look": PATIENT}, said) as pool:
            before = pool.worker_pids()["high"]
            assert before is not None
            os.kill(before, number)
            answer = await until_good(lambda: pool.infer("look", painted(tmp_path, "blue")))

            assert answer.result is not None and answer.result.label == "blue"
            assert pool.worker_pids()["high"] != before
        assert f"was killed by {number.name}" in said[0]
        if number == signal.SIGSEGV:
            assert "Fatal Python error: Segmentation fault" in said[0]  # its last words

    asyncio.run(work())


def test_a_death_under_a_call_raises_in_that_call_alone(tmp_path: Path) -> None:
    async def work() -> None:
        steps = {"a": PATIENT, "b": replace(PATIENT, deadline_s=25.0), "other": replace(PATIENT, priority="low")}
        picture = painted(tmp_path, "red")
        async with running({"tiny": pooled_tiny(tmp_path)}, steps) as pool:
            pid = pool.worker_pids()["high"]
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            first = asyncio.create_task(pool.infer("a", picture))
            second = asyncio.create_task(pool.infer("b", picture))
            await asyncio.sleep(0)
            other = await pool.infer("other", picture)
            os.kill(pid, signal.SIGKILL)

            assert other.health is Health.GOOD
            with pytest.raises(WorkerLost, match="worker high died under model tiny"):
                await first
            assert (await second).health is Health.GOOD

    asyncio.run(work())


def test_a_hanging_worker_makes_the_call_late_and_is_killed(tmp_path: Path) -> None:
    async def work() -> None:
        said: list[str] = []
        loop = asyncio.get_running_loop()
        picture = painted(tmp_path, "red")
        async with running(
            {"tiny": pooled_tiny(tmp_path)}, {"look": PATIENT, "quick": Step("tiny", 0.2, "high")}, said
        ) as pool:
            pid = pool.worker_pids()["high"]
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            began_s = loop.time()
            answer = await pool.infer("quick", picture)
            took_s = loop.time() - began_s

            assert (answer.health, answer.result) == (Health.LATE, None) and "200 ms" in answer.why
            assert 0.2 <= took_s < 1.0
            assert (await until_good(lambda: pool.infer("look", picture))).health is Health.GOOD
            assert not Path(f"/proc/{pid}").exists()
        assert "SIGKILL" in said[0]

    asyncio.run(work())


def test_a_worker_that_is_a_little_late_is_not_killed(tmp_path: Path) -> None:
    """Negative control of the test above: it comes back within the grace."""

    async def work() -> None:
        pool = WorkerPool(
            {"tiny": pooled_tiny(tmp_path)},
            {"look": PATIENT, "quick": Step("tiny", 0.05, "high")},
            None,
            print,
            rules=DeadlineRules(start_s=30.0, grace_s=10.0),
        )
        try:
            await pool.start()
            pid = pool.worker_pids()["high"]
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            assert (await pool.infer("quick", painted(tmp_path, "red"))).health is Health.LATE
            os.kill(pid, signal.SIGCONT)

            assert (await pool.infer("look", painted(tmp_path, "blue"))).result.label == "blue"  # type: ignore[union-attr]
            assert pool.worker_pids()["high"] == pid
        finally:
            await pool.stop()

    asyncio.run(work())


def test_three_deaths_within_a_minute_put_a_model_out_of_use_and_no_other(tmp_path: Path) -> None:
    async def work() -> None:
        said: list[str] = []
        models = {"tiny": pooled_tiny(tmp_path), "other": pooled_tiny(tmp_path, "other")}
        steps = {"look": PATIENT, "else": replace(PATIENT, model="other")}
        picture = painted(tmp_path, "red")
        async with running(models, steps, said) as pool:
            for _ in range(3):
                assert (await until_good(lambda: pool.infer("else", picture))).health is Health.GOOD
                pid = pool.worker_pids()["high"]
                assert pid is not None
                os.kill(pid, signal.SIGSTOP)
                call = asyncio.create_task(pool.infer("look", picture))
                await asyncio.sleep(0)
                os.kill(pid, signal.SIGKILL)
                with pytest.raises(WorkerLost):
                    await call

            with pytest.raises(
                ModelError, match="model tiny is out of use until a reload: it killed its worker 3 times"
            ):
                await pool.infer("look", picture)
            assert (await until_good(lambda: pool.infer("else", picture))).health is Health.GOOD
        assert sum(word.startswith("ALARM: model tiny") for word in said) == 1

    asyncio.run(work())


def test_a_model_that_changed_on_disk_is_not_loaded_again(tmp_path: Path) -> None:
    async def work() -> None:
        said: list[str] = []
        model = pooled_tiny(tmp_path)
        async with running({"tiny": model}, {"look": PATIENT}, said) as pool:
            Path(model.path).write_bytes(Path(model.path).read_bytes()[:-1] + b"x")
            pid = pool.worker_pids()["high"]
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(30):
                while not any(word.startswith("ALARM") for word in said):
                    await asyncio.sleep(0.01)

            with pytest.raises(ModelError, match="it is not the sealed file"):
                await pool.infer("look", painted(tmp_path, "red"))

    asyncio.run(work())


def wrong_digest(model: PooledModel, folder: Path) -> PooledModel:
    return replace(model, spec=replace(model.spec, digest="0" * 64))


def missing_file(model: PooledModel, folder: Path) -> PooledModel:
    return replace(model, path=str(folder / "none.tflite"))


def no_model(model: PooledModel, folder: Path) -> PooledModel:
    Path(model.path).write_bytes(b"text")
    return replace(model, spec=replace(model.spec, digest=hashlib.sha256(b"text").hexdigest()))


def other_answer(model: PooledModel, folder: Path) -> PooledModel:
    return replace(model, golden=(GoldenCase(painted(folder, "red"), "blue", (0.0, 0.0, 1.0)),))


def truncated_golden(model: PooledModel, folder: Path) -> PooledModel:
    Path(painted(folder, "red")).write_bytes(Path(painted(folder, "red")).read_bytes()[:40])
    return replace(model, golden=(GoldenCase(str(folder / "red.png"), "red", (1.0, 0.0, 0.0)),))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (wrong_digest, "expected sha256 0000000000000000..., found .* it is not the sealed file"),
        (missing_file, "none.tflite: No such file"),
        (no_model, "not a TensorFlow Lite model"),
        (other_answer, "golden input red.png: expected blue 1.000, got red"),
        (truncated_golden, "golden input red.png: PNG is truncated"),
    ],
)
def test_a_model_that_is_not_as_sealed_stops_the_start_and_leaves_no_worker(
    tmp_path: Path, spoil: Callable[[PooledModel, Path], PooledModel], message: str
) -> None:
    async def work() -> None:
        pool = WorkerPool({"tiny": spoil(pooled_tiny(tmp_path), tmp_path)}, {"look": PATIENT}, None, print, rules=RULES)

        with pytest.raises(ModelError, match=message):
            await pool.start()
        assert not pool.worker_pids()

    asyncio.run(work())


def test_golden_pictures_as_sealed_pass_the_self_test(tmp_path: Path) -> None:
    """Negative control of the test above."""

    async def work() -> None:
        golden = (GoldenCase(painted(tmp_path, "red"), "red", (1.0, 0.0, 0.0)),)
        async with running({"tiny": replace(pooled_tiny(tmp_path), golden=golden)}, {"look": PATIENT}) as pool:
            assert pool.worker_pids()["high"]

    asyncio.run(work())


def test_an_unknown_runtime_names_those_that_exist(tmp_path: Path) -> None:
    async def work() -> None:
        pool = WorkerPool({"tiny": pooled_tiny(tmp_path)}, {"look": PATIENT}, "onnx", print, rules=RULES)
        with pytest.raises(ModelError, match="unknown runtime 'onnx': there are"):
            await pool.start()

    asyncio.run(work())


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Step("none", 1.0), "step look: no model 'none'; there are tiny"),
        (Step("tiny", 1.0, "urgent"), "step look: no priority 'urgent'; there are high, normal, low"),
        (Step("tiny", 0.0), "expected a deadline above 0 s"),
    ],
)
def test_a_step_that_names_what_does_not_exist_is_refused(tmp_path: Path, step: Step, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        WorkerPool({"tiny": pooled_tiny(tmp_path)}, {"look": step}, None, print)


def test_stop_ends_even_a_hanging_worker_and_whoever_waits(tmp_path: Path) -> None:
    async def work() -> None:
        async with running({"tiny": pooled_tiny(tmp_path)}, {"look": PATIENT}) as pool:
            pid = pool.worker_pids()["high"]
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            call = asyncio.create_task(pool.infer("look", painted(tmp_path, "red")))
            await asyncio.sleep(0)
            await pool.stop()

            with pytest.raises(WorkerLost, match="was stopped"):
                await call
            assert not Path(f"/proc/{pid}").exists()

    asyncio.run(work())
