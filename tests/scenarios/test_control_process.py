"""The control process stays small: no numpy, OpenCV, pydantic, YAML or model runtime in it, and at most 48 MB."""

from __future__ import annotations

import asyncio
from pathlib import Path

from scenarios.running import daemon

HEAVY = ("numpy", "cv2", "pydantic_core", "yaml", "tflite_runtime", "ai_edge_litert")
LIMIT_KB = 48 * 1024


def mapped(pid: int) -> set[str]:
    """Return the heavy packages whose libraries a process has mapped."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    return {name for name in HEAVY if f"/{name}/" in maps or f"/{name}." in maps}


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_control_process_is_small_while_the_line_runs(tmp_path: Path) -> None:
    async def look() -> tuple[set[str], int, set[str], int]:
        async with daemon(tmp_path, parts=15) as running:
            await running.until("ready")
            running.start_belt()
            async with asyncio.timeout(20):
                await running.port.finished()
            pid = running.process.pid
            seen = mapped(pid), resident_kb(pid), mapped(children(pid)[0])
            running.process.terminate()
            return *seen, await running.process.wait()

    heavy, resident, in_worker, status = asyncio.run(look())

    assert heavy == set()
    assert resident <= LIMIT_KB
    assert "numpy" in in_worker, "negative control: the look at the maps finds numpy where it is"
    assert status == 0
