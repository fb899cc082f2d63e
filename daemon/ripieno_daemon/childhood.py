"""The first lines of a driver's process: `python -m ripieno_daemon.childhood MODULE LINE MEMORY PARENT NICE ...`.

It dies with its parent, leaves Ctrl-C to it, writes no core file, and goes before the control process when memory runs
out. Then it is the driver's: `main(line, memory, arguments)` of MODULE. Outside the room, because the room's door
brings asyncio, which no child needs.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Final

from ripieno_daemon.processes.mortality import die_with

OOM_SCORE_ADJ: Final = "600"  # before a worker: a camera that is started again costs less than a model


def main(words: list[str]) -> int:
    """Settle, then run the driver's module; return its exit code."""
    module, line, memory, parent, nice, *arguments = words
    die_with(int(parent))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE_ADJ)
    except OSError:
        pass  # not on this kernel, or not allowed in this sandbox: only the order of sacrifice is lost
    os.nice(int(nice))
    with socket.socket(fileno=int(line)) as open_line:
        code = importlib.import_module(module).main(open_line, int(memory), arguments)
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
