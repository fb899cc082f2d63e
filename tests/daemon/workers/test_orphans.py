"""Workers die with the process that made them, however that one dies."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from daemon.workers.rig import pooled_tiny

PARENT = """
    import asyncio, sys
    from daemon.workers.rig import pooled_tiny
    from pathlib import Path
    from ripieno_daemon.workers import Step, WorkerPool

    async def work():
        model = pooled_tiny(Path(sys.argv[1]))
        pool = WorkerPool({"tiny": model}, {"look": Step("tiny", 1.0, "high")}, None, print)
        await pool.start()
        print(pool.worker_pids()["high"], flush=True)
        await asyncio.sleep(60)

    asyncio.run(work())
"""


def test_a_killed_parent_leaves_no_worker(tmp_path: Path) -> None:
    pooled_tiny(tmp_path)
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path), "PATH": os.environ["PATH"]}
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), str(tmp_path)], stdout=subprocess.PIPE, env=environment
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    watched = os.pidfd_open(worker)
    os.kill(worker, signal.SIGSTOP)  # it cannot see the closed socket: only the kernel's signal reaches it
    parent.kill()
    parent.wait()

    gone, _, _ = select.select([watched], [], [], 10)
    os.close(watched)
    parent.stdout.close()
    assert gone
