"""The inline port gives the same answers, at times that are given to it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from daemon.workers.rig import painted, pooled_tiny

from ripieno.values import Health
from ripieno_daemon.workers import InlineInference, Step


class FakeClock:
    """Time that passes only in `sleep`."""

    def __init__(self) -> None:
        self.slept_s = 0.0

    def monotonic_ns(self) -> int:
        return int(self.slept_s * 1e9)

    def wall_ns(self) -> int:
        return self.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        self.slept_s += seconds


def read(path: str) -> bytes:
    return Path(path).read_bytes()


def test_answers_come_after_the_given_latency_or_late_at_the_deadline(tmp_path: Path) -> None:
    async def work() -> None:
        clock, latencies = FakeClock(), iter([0.01, 0.5, 0.02])
        models, steps = {"tiny": pooled_tiny(tmp_path)}, {"look": Step("tiny", 0.06, "high")}
        inline = InlineInference(models, steps, None, clock, read, lambda step: next(latencies))
        loaded = await inline.start()
        good = await inline.infer("look", painted(tmp_path, "red"))
        late = await inline.infer("look", painted(tmp_path, "red"))
        missing = await inline.infer("look", str(tmp_path / "none.png"))
        await inline.stop()

        assert (good.health, good.decode_us, good.invoke_us) == (Health.GOOD, 0, 10_000)
        assert (late.health, missing.health) == (Health.LATE, Health.DAMAGED)
        assert abs(clock.slept_s - (0.01 + 0.06 + 0.02)) < 1e-9
        assert loaded["look"].invoke_us == 0

    asyncio.run(work())


def test_the_same_calls_give_the_same_values(tmp_path: Path) -> None:
    async def once() -> object:
        inline = InlineInference(
            {"tiny": pooled_tiny(tmp_path)}, {"look": Step("tiny", 1.0)}, None, FakeClock(), read, lambda step: 0.003
        )
        loaded = await inline.start()
        return dict(loaded), [await inline.infer("look", painted(tmp_path, colour)) for colour in ("red", "blue")]

    assert asyncio.run(once()) == asyncio.run(once())
