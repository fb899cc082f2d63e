"""After a start, outputs move only when a person says so, unless the settings say `rearm: auto`."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from scenarios.running import daemon


def test_outputs_stay_still_until_a_person_says_so(tmp_path: Path) -> None:
    async def look() -> tuple[int, int]:
        async with daemon(tmp_path, rearm="person") as running:
            await running.until("ready")
            await asyncio.sleep(0.5)
            before = running.rig.board.orders.armed
            running.process.send_signal(signal.SIGUSR1)
            async with asyncio.timeout(5):
                while not running.rig.board.orders.armed:  # noqa: ASYNC110  another process is watched
                    await asyncio.sleep(0.02)
            return before, running.rig.board.orders.armed

    assert asyncio.run(look()) == (0, 0b11)
