"""A daemon that kills itself at a given point: `python -m ripieno_sim.stage.killable DEVICE_FILE POINT`.

SIGKILL at the very commit, frame or byte is exact only from inside; nothing of the process gets another word.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import uvloop

from ripieno_daemon.cli.device.run import Teller, serve

from .mortal import Fate, Point, mortal


def main() -> int:
    """Run until the point is reached, or until told to stop."""
    device_file, point = sys.argv[1], Point.parse(sys.argv[2])
    fate = Fate(point, lambda: os.kill(os.getpid(), signal.SIGKILL))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(device_file, Teller(True), lambda ports: mortal(ports, fate)))


if __name__ == "__main__":
    sys.exit(main())
